"""`malmoi shards`: build CORPUS TOKENIZER, verify, stats and show SHARDS, merge A B …"""

from __future__ import annotations

import typer

from malmoi.cli.shards.build import build
from malmoi.cli.shards.merge import merge
from malmoi.cli.shards.show import show
from malmoi.cli.shards.stats import stats
from malmoi.cli.shards.verify import verify
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=text("cli.shards.help"), no_args_is_help=True)
    group.command("build", help=text("cli.shards.build.help"))(build)
    group.command("verify", help=text("cli.shards.verify.help"))(verify)
    group.command("stats", help=text("cli.shards.stats.help"))(stats)
    group.command("show", help=text("cli.shards.show.help"))(show)
    group.command("merge", help=text("cli.shards.merge.help"))(merge)
    app.add_typer(group, name="shards")
