from typing import Any

from ....sdk import BaseOperator

class BashOperator(BaseOperator):
    def __init__(
        self,
        *,
        task_id: str,
        bash_command: str,
        env: dict[str, str],
        append_env: bool,
        retries: int,
        do_xcom_push: bool = True,
    ) -> None: ...
    def set_upstream(self, task_or_task_list: Any) -> None: ...
