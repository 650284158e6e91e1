"""A command takes the fields of any options dataclass as options of its own."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from pixxel_async.cli.options.export import ServiceOptions, takes_options


@dataclass(frozen=True, kw_only=True)
class CountOptions(ServiceOptions):
    count: Annotated[int, typer.Option("--count", rich_help_panel="Counting")] = 3
    name: Annotated[str, typer.Option("--name")]


app = typer.Typer()


@app.command()
@takes_options
def derived(options: CountOptions, *, word: Annotated[str, typer.Argument()]) -> None:
    typer.echo(f"{options.name} {options.count} {options.base_url} {word}")


@app.command()
@takes_options
def bare(options: ServiceOptions) -> None:
    typer.echo(f"{options}")


def run(*words: str) -> str:
    return CliRunner().invoke(app, words, env={"COLUMNS": "200"}).output


def test_fields_of_a_derived_set_and_of_its_base_are_options() -> None:
    words = ("--name", "n", "--count", "4", "--base-url", "http://localhost:1", "w")
    assert run("derived", *words) == "n 4 http://localhost:1 w\n"
    assert "Missing option '--name'" in run("derived", "w")


def test_the_annotation_says_which_set_is_built() -> None:
    assert run("bare", "--base-url", "http://localhost:1").startswith("ServiceOptions(")
    assert "No such option" in run("bare", "--count", "4")


def test_own_options_stand_before_inherited_ones_in_the_help() -> None:
    told = run("derived", "--help")
    assert told.index("Counting") < told.index("Speed") < told.index("Service")
