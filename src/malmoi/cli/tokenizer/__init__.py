"""`malmoi tokenizer`: train CORPUS, extend TOKENIZER, compare A B …"""

from __future__ import annotations

import typer

from malmoi.cli.tokenizer.compare import compare
from malmoi.cli.tokenizer.extend import extend
from malmoi.cli.tokenizer.train import show, train
from malmoi.messages import text

__all__ = ["register", "show"]


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=text("cli.tokenizer.help"), no_args_is_help=True)
    group.command("train", help=text("cli.tokenizer.train.help"))(train)
    group.command("compare", help=text("cli.compare.help"))(compare)
    group.command("extend", help=text("cli.tokenizer.extend.help"))(extend)
    app.add_typer(group, name="tokenizer")
