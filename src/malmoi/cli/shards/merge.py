"""`malmoi shards merge A B …`: several shards of one tokenizer become one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console
from malmoi.cli.shards.build import show
from malmoi.context import Context
from malmoi.messages import text


def merge(
    sources: Annotated[list[Path], typer.Argument(help=text("cli.shards.merge.sources"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.shards.build.out"), show_default=False)],
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.shards.merge import merge_shards

    merge_shards(sources, out, Context(console().reporter, verify=verify))
    show(out)
