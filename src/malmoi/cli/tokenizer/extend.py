"""`malmoi tokenizer extend TOKENIZER --out DIR`: add words to a vocabulary without changing an id."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from malmoi.cli.console import console
from malmoi.codes import Code
from malmoi.context import Context
from malmoi.messages import text

SHOWN = 20


def extend(
    tokenizer: Annotated[
        Path, typer.Argument(help=text("cli.tokenizer.extend.tokenizer"), show_default=False)
    ],
    out: Annotated[Path, typer.Option("--out", help=text("cli.tokenizer.train.out"), show_default=False)],
    words: Annotated[
        Path | None, typer.Option("--words", help=text("cli.tokenizer.train.words"), show_default=False)
    ] = None,
    corpus: Annotated[
        Path | None,
        typer.Option("--from-corpus", help=text("cli.tokenizer.extend.corpus"), show_default=False),
    ] = None,
    add: Annotated[int, typer.Option("--add", min=1, help=text("cli.tokenizer.extend.add"))] = 500,
    min_count: Annotated[
        int, typer.Option("--min-count", min=1, help=text("cli.tokenizer.extend.min_count"))
    ] = 5,
    verify: Annotated[bool, typer.Option("--verify", help=text("cli.verify"))] = False,
) -> None:
    from malmoi.errors import MalmoiError
    from malmoi.tokenizer.encoding.user_words import read_words
    from malmoi.tokenizer.extend import ExtendConfig, extend_tokenizer

    if words is None and corpus is None:
        raise MalmoiError(Code.NO_WORDS_GIVEN, tokenizer=tokenizer, out=out)
    config = ExtendConfig(
        words=read_words(words) if words else (), add=add if corpus else 0, min_count=min_count
    )
    context = Context(console().reporter, verify=verify)
    extend_tokenizer(config, tokenizer, out, context, corpus=corpus)
    _show(out)


def _show(out: Path) -> None:
    """The first words with what became of them, and the measures before and after."""
    from malmoi.artifact.finished import read_manifest
    from malmoi.tokenizer.counts import ExtendedCounts

    counts = ExtendedCounts.of(read_manifest(out, "tokenizer"), out)
    headers = [text(f"cli.tokenizer.column.{name}") for name in ("word", "count", "saved", "before", "id")]
    rows = [
        (
            new.word,
            "" if new.count is None else f"{new.count:,}",
            "" if new.saved is None else f"{new.saved:,}",
            " ".join(new.tokens_before),
            f"{new.id:,}",
        )
        for new in counts.added[:SHOWN]
    ]
    console().table("cli.tokenizer.extended", headers, rows)
    shown = [("words", "", f"{len(counts.added):,}"), ("filled", "", f"{counts.filled:,}")]
    shown += [("vocab_size", f"{counts.vocab_size_before:,}", f"{counts.vocab_size:,}")]
    for name, unit in (("unk_percent", " %"), ("tokens_per_eojeol", ""), ("characters_per_token", "")):
        before, after = getattr(counts, f"{name}_before"), getattr(counts, name)
        if after is not None:
            shown.append((name, f"{before:.2f}{unit}", f"{after:.2f}{unit}"))
    headers = [text(f"cli.tokenizer.column.{name}") for name in ("measure", "old", "new")]
    measures = [(text(f"cli.tokenizer.row.{name}"), before, after) for name, before, after in shown]
    console().table("cli.tokenizer.table", headers, measures)
    console().result({"out": str(out), **counts.as_json()}, str(out))
