# What the pages use of rasterio, which has no types.

from types import TracebackType
from typing import Self

class DatasetReader:
    shape: tuple[int, int]
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

def open(fp: str) -> DatasetReader: ...  # noqa: A001 - its name
