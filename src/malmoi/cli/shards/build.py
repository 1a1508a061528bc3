"""`malmoi shards build CORPUS TOKENIZER --out DIR`: encode a corpus, and show how much text it is."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console
from malmoi.context import Context
from malmoi.messages import text


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
    build_shards(config.shards, corpus, tokenizer, out, context)
    show(out)


def show(out: Path) -> None:
    """One table: how much training and held-out text there is."""
    from malmoi.artifact.finished import read_manifest
    from malmoi.shards.counts import ShardsCounts

    counts = ShardsCounts.of(read_manifest(out, "shards"), out)
    columns = ("split", "parts", "documents", "sentences", "tokens", "unk")
    rows = []
    for split, kind in (("train", "part-"), ("heldout", "heldout-")):
        sums = counts.train if split == "train" else counts.heldout
        unknown = f"{100 * sums.unk / max(1, sums.tokens):.2f} %"
        parts = sum(part.name.startswith(kind) for part in counts.parts)
        numbers = [f"{number:,}" for number in (sums.documents, sums.sentences, sums.tokens)]
        rows.append((text(f"cli.shards.row.{split}"), str(parts), *numbers, unknown))
    console().table("cli.shards.table", [text(f"cli.shards.column.{name}") for name in columns], rows)
    told = counts.model_dump(include={"vocab_size", "train", "heldout"})
    console().result({"out": str(out), **told}, str(out))
