"""Bulk exporter for the Pixxel API: ask for download packages, wait for them, save them.

Names are imported when the first of them is used: the command line has to take care of signals and
streams before that, since it takes most of its start. For the same reason nothing is imported here.
"""

from ._version import __version__ as __version__

TYPE_CHECKING = False
"""As in `typing`, for type checkers."""

if TYPE_CHECKING:
    from ._api import *  # noqa: F403 - its `__all__` says what
    from ._api import __all__ as __all__
else:

    def __getattr__(name: str) -> object:
        """Return a module of this package, or a public name."""
        from importlib import import_module  # noqa: PLC0415 - see above
        from importlib.util import find_spec  # noqa: PLC0415 - see above

        if find_spec(f"{__name__}.{name}"):
            return import_module(f"{__name__}.{name}")
        if not name.startswith("_") or name == "__all__":
            api = import_module(f"{__name__}._api")
            if hasattr(api, name):
                return getattr(api, name)
        message = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(message)

    def __dir__() -> list[str]:
        """Return the public names."""
        return sorted({*__getattr__("__all__"), *globals()})
