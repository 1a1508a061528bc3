"""`malmoi tokenizer train CORPUS --out DIR`: learn a vocabulary and show how it cuts unseen text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from malmoi.artifact.finished import read_manifest
from malmoi.cli.console import console
from malmoi.context import Context
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.tokenizer.counts import TokenizerCounts


def train(
    corpus: Annotated[Path, typer.Argument(help=text("cli.tokenizer.train.corpus"), show_default=False)],
    out: Annotated[Path, typer.Option("--out", help=text("cli.tokenizer.train.out"), show_default=False)],
    vocab_size: Annotated[
        int | None, typer.Option("--vocab-size", help=text("cli.tokenizer.train.vocab_size"))
    ] = None,
    words: Annotated[
        Path | None, typer.Option("--words", help=text("cli.tokenizer.train.words"), show_default=False)
    ] = None,
    recipe: Annotated[Path | None, typer.Option("--recipe", help=text("cli.recipe"))] = None,
    sets: Annotated[list[str] | None, typer.Option("--set", help=text("cli.set"))] = None,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.config import Section
    from malmoi.pipeline.recipe import read_sections
    from malmoi.tokenizer.config import TokenizerConfig
    from malmoi.tokenizer.train import train_tokenizer

    class Sections(Section):
        tokenizer: TokenizerConfig = TokenizerConfig()

    overrides = list(sets or [])
    overrides += [f"tokenizer.vocab_size={vocab_size}"] if vocab_size is not None else []
    overrides += (
        [f"tokenizer.words={json.dumps(str(words), ensure_ascii=False)}"] if words is not None else []
    )
    config, origins = read_sections(Sections, recipe, overrides)
    context = Context(console().reporter, origins, verify)
    train_tokenizer(config.tokenizer, corpus, out, context)
    show({"": out})


def show(folders: Mapping[str, Path]) -> None:
    """Two tables: the measures, and sentences as each tokenizer cuts them. An only one has no name (`""`)."""
    from malmoi.tokenizer.counts import TokenizerCounts
    from malmoi.tokenizer.measure import readable

    counts = {
        name: TokenizerCounts.of(read_manifest(folder, "tokenizer"), folder)
        for name, folder in folders.items()
    }
    several = len(counts) > 1 or "" not in counts
    headers = [text("cli.tokenizer.column.measure")]
    headers += counts if several else [text("cli.tokenizer.column.value")]
    columns = [_measures(own) for own in counts.values()]
    names = dict.fromkeys(name for column in columns for name in column)
    measures = [
        (text(f"cli.tokenizer.row.{name}"), *(column.get(name, "–") for column in columns)) for name in names
    ]
    console().table("cli.tokenizer.table", headers, measures)
    cuts: dict[str, list[list[str]]] = {}
    for name, own in counts.items():
        for sample, tokens in own.samples:
            first = "" if sample in cuts else sample
            row = [first, *([name] if several else []), " ".join(readable(own.kind, tokens))]
            cuts.setdefault(sample, []).append(row)
    headers = [text("cli.tokenizer.column.text"), text("cli.tokenizer.column.tokens")]
    if several:
        headers.insert(1, text("cli.tokenizer.table"))
    console().table("cli.tokenizer.samples", headers, [row for rows in cuts.values() for row in rows])
    for name, own in counts.items():
        console().result({"out": str(folders[name]), **own.as_json()}, str(folders[name]))


def _measures(counts: TokenizerCounts) -> dict[str, str]:
    shown = {
        "kind": counts.kind,
        "vocab_size": f"{counts.vocab_size:,}",
        "alphabet": None if counts.alphabet is None else f"{counts.alphabet:,}",
        "unk_percent": f"{counts.unk_percent:.2f} %",
        "tokens_per_eojeol": f"{counts.tokens_per_eojeol:.2f}",
        "characters_per_token": f"{counts.characters_per_token:.2f}",
        "measured_on": text(f"cli.tokenizer.measured.{counts.measured_on}"),
    }
    return {name: value for name, value in shown.items() if value is not None}
