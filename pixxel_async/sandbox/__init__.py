"""A stand-in of the service and of its storage, over real sockets on this machine.

It is for demos, benchmarks and tests, also those of users: no account is needed, and what goes
wrong is chosen by a `Scenario`. It speaks the documented JSON by itself and shares no code with
the client, so that the two cannot share a mistake.

    from pixxel_async.sandbox import Sandbox

    async with Sandbox() as sandbox:
        client = PixxelClient(sandbox.api_key, base_url=sandbox.api_url)

Needs the extra `sandbox`.
"""

try:
    import httptools as _httptools  # noqa: F401 - asked for here, so that the remedy is told
    import starlette as _starlette  # noqa: F401 - likewise
    import uvicorn as _uvicorn  # noqa: F401 - likewise
except ImportError as error:  # pragma: no cover - the tests run with the extra
    remedy = "the sandbox needs its extra: pip install 'pixxel-async[sandbox]'"
    raise ImportError(remedy) from error

from .faults import ApiFault, PackageFault, StorageFault
from .manifest import demo_rows
from .recording import ApiCall, Leak, StorageGet
from .sandbox import Sandbox
from .scenario import PackagingTime, Scenario
from .serve import serve
from .thread import sandbox_in_thread
from .world import World

__all__ = [
    "ApiCall",
    "ApiFault",
    "Leak",
    "PackageFault",
    "PackagingTime",
    "Sandbox",
    "Scenario",
    "StorageFault",
    "StorageGet",
    "World",
    "demo_rows",
    "sandbox_in_thread",
    "serve",
]
