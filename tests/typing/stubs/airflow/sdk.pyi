from collections.abc import Callable
from typing import Any

from .triggers.base import BaseTrigger

class BaseOperator:
    def __init__(self, *, task_id: str, **parts: Any) -> None: ...
    def defer(self, *, trigger: BaseTrigger, method_name: str) -> None: ...

def dag(*, schedule: str) -> Callable[[Callable[[], None]], Callable[[], None]]: ...
