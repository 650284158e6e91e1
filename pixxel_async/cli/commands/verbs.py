"""Commands that are one call of the service each: `get`, `create`, `delete`, and others.

Rules:
    * Records are shown as `list` shows them.
    * What costs something or deletes is shown, with the service's estimate where it gives one, and
      is asked about on a terminal. `--yes` answers; without it and without a terminal, nothing is
      sent.
    * If the response to a change is lost, broken or a 5xx, it may have been done: a line says so,
      with the command that shows it.

Exit codes:
    * 0: it is done.
    * 1: it may be done.
    * 2: it is not done: wrong usage, declined, or the service refused.
"""

from __future__ import annotations

import asyncio
import inspect
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from ...client import PixxelClient
from ...destinations.paths import absolute_path
from ...destinations.whole_file import whole_file
from ...display.base import Verbosity
from ...display.event_text import rejected
from ...display.plain import Lines
from ...errors import (
    AnswerLostError,
    AuthenticationError,
    ResponseError,
    ServerError,
)
from ...records import ServiceModel
from ..client_factory import client_of
from ..consent import check_can_ask, check_confirmed
from ..find_run import STOPPED
from ..options.bodies import Parts, arguments
from ..options.dataclass_options import takes_options
from ..options.fields import CallOptions, Field, argument_of, body_option, option_of
from ..options.types import at_least_one, flag
from ..output.exit_codes import INTERRUPTED, MISUSE, SOME_FAILED, complain, ended
from ..output.logs import log_shown
from ..output.records import choose_output
from .command import Command

T = TypeVar("T")
GEOJSON = frozenset({"coordinates", "features", "geometry"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a call changes.

    Attributes:
        done: What has been done afterwards, such as `created`.
        look: The command that shows whether it has been done; may name arguments in braces.
        asks: Whether it costs something or deletes.
        estimate: The Python call that returns its cost; empty if there is none.
        estimate_takes: Which arguments that call takes; None for all.
    """

    done: str
    look: str
    asks: bool = False
    estimate: str = ""
    estimate_takes: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A command that is one call.

    Attributes:
        operation: The operation id in the OpenAPI document.
        call: The Python call, as an attribute of the client.
        help: The help of the command.
        ids: The arguments that are ids of the path.
        fields: The other arguments.
        parts: The list that the fields are parts of; None if they are arguments themselves.
        has_body: Whether the fields are a body.
        yields: Whether it returns records one after the other.
        saves: Whether it returns bytes, which go into the file of the field `output`.
        columns: The noun whose columns are shown; empty is the noun of the command.
        example: What follows noun and verb in the example of the help.
        change: What it changes; None if it changes nothing.
    """

    operation: str
    call: str
    help: str
    ids: tuple[str, ...] = ()
    fields: tuple[Field, ...] = ()
    parts: Parts | None = None
    has_body: bool = False
    yields: bool = False
    saves: bool = False
    columns: str = ""
    example: str = ""
    change: Change | None = None


def command_of(noun: str, name: str, verb: Verb) -> Command:
    """Return the command of a verb."""

    def run(options: CallOptions, **values: Any) -> None:
        _Run(noun, name, verb, options, values).run()

    own = inspect.Parameter("options", inspect.Parameter.KEYWORD_ONLY, annotation=CallOptions)
    signature = inspect.Signature([own, *_parameters(verb)])
    run.__signature__ = signature  # type: ignore[attr-defined]  # what `inspect` looks for first
    example = " ".join(
        ("Example: pixxel-async", noun, name, *(one.upper() for one in verb.ids), verb.example)
    )
    return Command(takes_options(run), verb.help, example.rstrip(), verb.operation)


def _parameters(verb: Verb) -> Iterator[inspect.Parameter]:
    yield from map(argument_of, verb.ids)
    yield from map(option_of, verb.fields)
    if verb.has_body:
        yield body_option()
    if verb.yields:
        yield _option("limit", Annotated[int | None, _LIMIT], default=None)
    if verb.change and verb.change.asks:
        yield _option("yes", Annotated[bool, _YES], default=False)


_YES = flag("--yes", text="Do it without asking.")
_LIMIT = typer.Option(
    "--limit", metavar="N", callback=at_least_one, show_default=False, help="Stop after N records."
)


def _option(name: str, annotation: Any, *, default: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, annotation=annotation, default=default
    )


class _Run:
    """One run of a command."""

    def __init__(
        self, noun: str, name: str, verb: Verb, options: CallOptions, values: dict[str, Any]
    ) -> None:
        self._noun = noun
        self._title = f"{noun} {name}"
        self._verb = verb
        self._options = options
        self._limit = values.pop("limit", None)
        self._yes = values.pop("yes", False)
        self._body = values.pop("body", None)
        self._values = values

    def run(self) -> None:
        """Send the call and show the answer.

        Raises:
            typer.Exit: It is not done, or may be done.
        """
        loudness = Verbosity.ERRORS if self._options.quiet else Verbosity.NORMAL
        change = self._verb.change
        stopped = f"interrupted: nothing was {change.done}" if change else STOPPED
        with ended(stopped), log_shown(Lines(sys.stderr, loudness), loudness), _key_rejected():
            ids = {name: self._values[name] for name in self._verb.ids}
            given = ids | self._arguments()
            self._check_consent()
            with asyncio.Runner() as runner:
                client = client_of(self._options)
                runner.run(_enter(client))
                try:
                    self._ask(runner, client, given)
                    self._send(runner, client, given)
                finally:
                    runner.run(client.aclose())

    def _arguments(self) -> dict[str, Any]:
        verb = self._verb
        return arguments(self._title, verb.fields, verb.parts, self._values, self._body)

    def _check_consent(self) -> None:
        change = self._verb.change
        if change and change.asks:
            check_can_ask(
                f"{self._title}: nothing was sent, since there is no terminal to ask on; add --yes",
                yes=self._yes,
            )

    def _ask(self, runner: asyncio.Runner, client: PixxelClient, given: dict[str, Any]) -> None:
        change = self._verb.change
        if not (change and change.asks) or (self._yes and self._options.quiet):
            return
        told = f"{self._title}: {', '.join(self._told(given))}"
        if change.estimate:
            takes = given if change.estimate_takes is None else change.estimate_takes
            estimate = attrgetter(change.estimate)(client)
            answer = runner.run(estimate(**{name: given[name] for name in takes}))
            told += f"; estimated cost: {'unknown' if answer.cost is None else answer.cost}"
        complain(told)
        check_confirmed(f"{self._title}: nothing was {change.done}", yes=self._yes)

    def _told(self, given: Mapping[str, Any]) -> Iterator[str]:
        secrets = {field.argument for field in self._verb.fields if field.is_secret}
        for name, value in given.items():
            yield f"{name} {'…' if name in secrets else _brief(value)}"

    def _send(self, runner: asyncio.Runner, client: PixxelClient, given: dict[str, Any]) -> None:
        path = Path(given.pop("output")) if self._verb.saves else None
        result = attrgetter(self._verb.call)(client)(**given)
        output = choose_output(self._verb.columns or self._noun, as_json=self._options.as_json)
        if self._verb.yields:
            count = runner.run(_written(result, output.write, self._limit))
            if not (count or self._options.quiet):
                complain(f"no {self._noun} match")
        else:
            with self._uncertain(given):
                answer = runner.run(result)
            if path is not None:
                with whole_file(path) as file:
                    file.write(answer)
                answer = absolute_path(path)
            if isinstance(answer, Path) and not self._options.quiet:
                complain(f"{self._title}: {answer}")
            elif isinstance(answer, ServiceModel):
                output.write(answer)
            elif isinstance(answer, tuple):
                for record in answer:
                    output.write(record)
            elif (change := self._verb.change) and not self._options.quiet:
                complain(f"{self._title}: {change.done}")
        output.close()

    @contextmanager
    def _uncertain(self, given: Mapping[str, Any]) -> Iterator[None]:
        """Say that a change may have been made, and how to look."""
        change = self._verb.change
        code = SOME_FAILED
        try:
            yield
        except (AnswerLostError, ResponseError, ServerError) as error:
            if change is None:
                raise
            reason = str(error.__cause__ if isinstance(error, AnswerLostError) else error)
        except KeyboardInterrupt:
            if change is None:
                raise
            reason, code = "interrupted", INTERRUPTED
        else:
            return
        look = f"pixxel-async {change.look}".format_map(given)
        complain(f"{self._title}: {reason}; it may have been {change.done}: look with {look}")
        raise typer.Exit(code)


async def _enter(client: PixxelClient) -> None:
    await client.__aenter__()


async def _written(records: AsyncIterator[Any], write: Any, limit: int | None) -> int:
    count = 0
    async for record in records:
        write(record)
        count += 1
        if count == limit:
            break
    return count


@contextmanager
def _key_rejected() -> Iterator[None]:
    try:
        yield
    except AuthenticationError as error:
        complain(rejected(error))
        raise typer.Exit(MISUSE) from None


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        if GEOJSON & value.keys():
            return "GeoJSON"
        return f"({', '.join(f'{name} {_brief(one)}' for name, one in value.items())})"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_brief, value))}]"
    return str(value)
