"""The part of the client that runs jobs and insights."""

from __future__ import annotations

from pathlib import Path

from .config import FolderPolicy
from .errors import ConfigError
from .export.export import Export
from .export.exporter import Exporter
from .export.run_feed import RunFeed, Runs


class RunningClient:
    """The base class of `PixxelClient`."""

    _exporter: Exporter

    def run(
        self,
        runs: Runs,
        directory: str | Path,
        *,
        max_cost: float | None = None,
        detach: bool = False,
        folder: FolderPolicy | None = None,
    ) -> Export:
        """Create jobs and insights, wait until they have finished, and save their packages.

            runs = [RunJob(workflow_id="w-1", project_id="p-1")]
            async with client.run(runs, "results", max_cost=100) as export:
                report = await export.finish()

        This spends tokens. Each run is created once: the journal of the directory records it before
        it is sent, and the same call resumes after an interruption, a crash or a lost response. A
        run that fails is an event, `Failed`, and so is the failure of its package.

        Args:
            runs: An iterable or async iterable of `RunJob` and `RunInsight`; downloads among them
                are exported as they are. Equal runs are created once.
            directory: The directory for the files; created if it is missing.
            max_cost: What all runs of the directory may cost together, those of earlier calls
                included, by the service's estimates. A run that does not fit fails with
                CostLimitError; nothing is sent for it. None sets no limit.
            detach: End when everything is created, without waiting and without saving. A later
                call takes it up.
            folder: How to treat the directory. A failed run is created again only with
                `previous_failures="retry"`, since it costs again.

        Returns:
            The export, not started yet; see `export`.

        Raises:
            InputError: `runs` is a single run, a row, or not iterable.
            ConfigError: `max_cost` is negative or no number, or the path template of `folder`
                cannot be used.
        """
        if max_cost is not None and not 0 <= max_cost < float("inf"):
            message = f"max_cost is {max_cost}: give a number of 0 or more, or None for no limit"
            raise ConfigError(message)
        feed = RunFeed(runs, max_cost=max_cost, is_detached=detach)
        return self._exporter.run(feed, directory, folder)
