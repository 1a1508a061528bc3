"""`malmoi shards verify SHARDS`: read all of it, and show sentences decoded from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console
from malmoi.messages import text


def verify(
    folder: Annotated[Path, typer.Argument(help=text("cli.shards.verify.folder"), show_default=False)],
) -> None:
    from malmoi.shards.check import verify_shards

    sentences = verify_shards(folder)
    headers = [text("cli.shards.column.part"), text("cli.shards.column.text")]
    console().table("cli.shards.sentences", headers, sentences)
    console().print("shards.sound", path=folder)
    console().result({"shards": str(folder), "sentences": sentences}, text("shards.sound", path=folder))
