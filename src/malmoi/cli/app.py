"""The tree of verbs. Built after the language is known, so that `--help` speaks it."""

from __future__ import annotations

from importlib import import_module
from typing import Annotated

import typer

from malmoi import __version__
from malmoi.messages import text

# In the order of the pipeline; each module has `register(app)`, and those of its stages `show(made)`.
VERBS = (
    "run",
    "sample",
    "corpus",
    "tokenizer",
    "shards",
    "pretrain",
    "finetune",
    "league",
    "predict",
    "trace",
    "report",
    "diff",
    "autopsy",
    "doctor",
    "explain",
)


def build_app() -> typer.Typer:
    app = typer.Typer(
        help=text("cli.help"),
        epilog=text("cli.epilog"),
        no_args_is_help=True,
        add_completion=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )

    @app.callback(invoke_without_command=True)
    def root(
        version: Annotated[bool, typer.Option("--version", help=text("cli.version"))] = False,
        json: Annotated[bool, typer.Option("--json", help=text("cli.json"))] = False,
        quiet: Annotated[bool, typer.Option("--quiet", "-q", help=text("cli.quiet"))] = False,
        lang: Annotated[str, typer.Option("--lang", help=text("cli.lang"))] = "",
    ) -> None:
        # json, quiet and lang are taken out of the command line before this runs; they stand here for --help.
        if version:
            typer.echo(f"malmoi {__version__}")
            raise typer.Exit

    for verb in VERBS:
        import_module(f"malmoi.cli.{verb}").register(app)
    return app
