"""A stand-in for the service and its storage, over real sockets on this machine.

Use it for demos, benchmarks and tests: it needs no account, and a `Scenario` scripts the faults. It
implements the documented JSON itself and shares no code with the client, so that the two cannot
share a mistake.

    from pixxel_async.sandbox import Sandbox

    async with Sandbox() as sandbox:
        client = PixxelClient(sandbox.api_key, base_url=sandbox.api_url)

Needs the extra `sandbox`.
"""

try:
    import httptools as _httptools  # noqa: F401 - checked here, to report the remedy
    import starlette as _starlette  # noqa: F401 - likewise
    import uvicorn as _uvicorn  # noqa: F401 - likewise
except ImportError as error:  # pragma: no cover - the tests run with the extra
    remedy = "the sandbox needs its extra: pip install 'pixxel-async[sandbox]'"
    raise ImportError(remedy) from error

from .faults import ApiFault, PackageFault, RunFault, StorageFault
from .manifest import demo_rows
from .recording import ApiCall, Creation, Leak, StorageGet
from .sandbox import Sandbox, sandbox_in_thread, serve
from .scenario import PackagingTime, Scenario
from .world import World

__all__ = [
    "ApiCall",
    "ApiFault",
    "Creation",
    "Leak",
    "PackageFault",
    "PackagingTime",
    "RunFault",
    "Sandbox",
    "Scenario",
    "StorageFault",
    "StorageGet",
    "World",
    "demo_rows",
    "sandbox_in_thread",
    "serve",
]
