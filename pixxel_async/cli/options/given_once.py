"""The rule for every option of every command: no value is silently dropped.

Rules:
    * An option that takes one value is given once; a second value is an error, not the winner.
    * An option that takes a value is not given an empty one.
    * A flag may be repeated: it says the same again.
    * The parser applies the rule, since only it sees every occurrence. A message does not repeat
      the values, which may be secrets.
"""

from __future__ import annotations

from typing import Any

import typer


def check_occurrences(command: Any) -> None:
    """Make a command, and all commands below it, apply the rule."""
    for below in getattr(command, "commands", {}).values():
        check_occurrences(below)
    make_parser = command.make_parser

    def make_checking_parser(context: typer.Context) -> Any:
        parser = make_parser(context)
        parse = parser.parse_args

        def parse_args(args: list[str]) -> Any:
            values, rest, order = parse(args)
            if not (context.resilient_parsing or any(param.is_eager for param in order)):
                _check(values, [param for param in order if _takes_value(param)], context)
            return values, rest, order

        parser.parse_args = parse_args
        return parser

    command.make_parser = make_checking_parser


def _takes_value(param: Any) -> bool:
    is_option = param.param_type_name == "option"
    return is_option and not (param.is_flag or getattr(param, "count", False))


def _check(values: dict[str, Any], options: list[Any], context: typer.Context) -> None:
    for option in options:
        value = values[option.name]
        if "" in (value if option.multiple else [value]):
            raise _refusal(
                option, "the value is empty: give one, or leave the option out.", context
            )
        if not option.multiple and options.count(option) > 1:
            raise _refusal(option, "given more than once, but it takes one value.", context)


def _refusal(option: Any, reason: str, context: typer.Context) -> typer.BadParameter:
    return typer.BadParameter(reason, ctx=context, param_hint=f"'{option.opts[0]}'")
