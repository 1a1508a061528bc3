"""`malmoi shards`: build CORPUS TOKENIZER, verify, stats and show SHARDS, merge A B …"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from malmoi.cli.console import console
from malmoi.cli.shards_show import show
from malmoi.cli.shards_stats import stats
from malmoi.context import Context
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    group = typer.Typer(help=text("cli.shards.help"), no_args_is_help=True)
    group.command("build", help=text("cli.shards.build.help"))(build)
    group.command("verify", help=text("cli.shards.verify.help"))(verify)
    group.command("stats", help=text("cli.shards.stats.help"))(stats)
    group.command("show", help=text("cli.shards.show.help"))(show)
    group.command("merge", help=text("cli.shards.merge.help"))(merge)
    app.add_typer(group, name="shards")


def build(
    corpus: Annotated[Path, typer.Argument(help=text("cli.shards.build.corpus"), show_default=False)],
    tokenizer: Annotated[Path, typer.Argument(help=text("cli.shards.build.tokenizer"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.shards.build.out"), show_default=False)],
    workers: Annotated[int, typer.Option("--workers", min=0, help=text("cli.workers"))] = 0,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.config import Section
    from malmoi.pipeline.recipe import read_sections
    from malmoi.shards.build import build_shards
    from malmoi.shards.config import ShardsConfig

    class Sections(Section):
        shards: ShardsConfig = ShardsConfig()

    config, origins = read_sections(Sections, recipe, list(sets or []))
    context = Context(console().reporter, origins, verify, workers)
    manifest = build_shards(config.shards, corpus, tokenizer, out, context)
    show_shards(out, manifest.counts)


def verify(
    folder: Annotated[Path, typer.Argument(help=text("cli.shards.verify.folder"), show_default=False)],
) -> None:
    from malmoi.shards.check import verify_shards

    sentences = verify_shards(folder)
    headers = [text("cli.shards.column.part"), text("cli.shards.column.text")]
    console().table("cli.shards.sentences", headers, sentences)
    console().print("shards.sound", path=folder)
    console().result({"shards": str(folder), "sentences": sentences}, text("shards.sound", path=folder))


def merge(
    sources: Annotated[list[Path], typer.Argument(help=text("cli.shards.merge.sources"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.shards.build.out"), show_default=False)],
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.shards.merge import merge_shards

    manifest = merge_shards(sources, out, Context(console().reporter, verify=verify))
    show_shards(out, manifest.counts)


def show_shards(out: Path, counts: dict[str, Any]) -> None:
    """One table: how much training and held-out text there is."""
    columns = ("split", "parts", "documents", "sentences", "tokens", "unk")
    rows = []
    for split, kind in (("train", "part-"), ("heldout", "heldout-")):
        sums = counts[split]
        unknown = f"{100 * sums['unk'] / max(1, sums['tokens']):.2f} %"
        parts = sum(part["name"].startswith(kind) for part in counts["parts"])
        numbers = [f"{sums[name]:,}" for name in ("documents", "sentences", "tokens")]
        rows.append((text(f"cli.shards.row.{split}"), str(parts), *numbers, unknown))
    console().table("cli.shards.table", [text(f"cli.shards.column.{name}") for name in columns], rows)
    told = {name: counts[name] for name in ("vocab_size", "train", "heldout")}
    console().result({"out": str(out), **told}, str(out))
