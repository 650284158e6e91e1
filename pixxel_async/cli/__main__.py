"""`python -m pixxel_async.cli` is the command line too."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    main()
