"""`malmoi shards stats SHARDS`: how much text, how long, how it is cut, and which entries it uses."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from malmoi.cli.console import amount, console
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.shards.format import Shards
    from malmoi.shards.stats import Stats

ROW_LENS = (128, 512)
SHOWN = 20
UNUSED = re.compile(r"\[unused\d+\]")


def stats(
    folder: Annotated[Path, typer.Argument(help=text("cli.shards.verify.folder"), show_default=False)],
) -> None:
    from malmoi.pretrain.data.fill import fill_of
    from malmoi.shards.format import Shards
    from malmoi.shards.stats import count_shards

    shards = Shards.open(folder)
    found: dict[str, Any] = {"shards": str(folder), "vocab_size": shards.vocab_size}
    counted = {}
    for split in ("train", "heldout"):
        if parts := getattr(shards, split):
            counted[split] = count_shards(shards, parts, console().reporter)
            found[split] = told(counted[split], shards)
            found[split]["rows"] = [_row(fill_of(parts, row_len)) for row_len in ROW_LENS]
    found |= _entries(shards, counted["train"])
    _print(found)
    tokens = (f"{text(f'cli.shards.row.{s}')} {amount(found[s]['tokens'], 'token')}" for s in counted)
    console().result(found, f"{folder}: {', '.join(tokens)}")


def told(stats: Stats, shards: Shards) -> dict[str, Any]:
    """The numbers of some parts, as they are printed and given to scripts."""
    names = ("parts", "documents", "sentences", "tokens")
    unknown, tokens = int(stats.counts_V[shards.special.unk]), max(1, stats.tokens)
    return {
        **{name: getattr(stats, name) for name in names},
        "unk": unknown,
        "unk_percent": round(100 * unknown / tokens, 4),
        "eojeols": stats.words,
        "tokens_per_eojeol": round(stats.tokens / max(1, stats.words), 4),
        "words_percent": round(100 * stats.words / tokens, 2),
        "morphemes_percent": round(100 * stats.morphemes / tokens, 2),
        "sentence_lengths": stats.sentence_lengths,
        "document_lengths": stats.document_lengths,
    }


def _row(fill: Any) -> dict[str, Any]:
    shares = {name: round(100 * getattr(fill, name), 2) for name in ("text", "real")}
    return {"row_len": fill.row_len, "rows": fill.rows, "sequences": fill.sequences} | {
        f"{name}_percent": share for name, share in shares.items()
    }


def _entries(shards: Shards, stats: Stats) -> dict[str, Any]:
    """The commonest entries, and those that no training text uses (special and [unused] ones aside)."""
    from malmoi.tokenizer import load_tokenizer
    from malmoi.tokenizer.measure import readable

    tokenizer = load_tokenizer(shards.tokenizer_folder, encodes=False)
    special = {getattr(shards.special, name) for name in ("pad", "unk", "cls", "sep", "mask")}
    order = (-stats.counts_V).argsort(kind="stable")[:SHOWN]
    idle = [index for index in (stats.counts_V == 0).nonzero()[0].tolist() if index not in special]
    unused = [token for token in tokenizer.tokens(idle) if not UNUSED.fullmatch(token)]
    shown = readable(tokenizer.kind, tokenizer.tokens(order))
    commonest = [[token, int(stats.counts_V[i])] for token, i in zip(shown, order, strict=True)]
    return {
        "commonest": [[token, count] for token, count in commonest if count],
        "unused": len(unused),
        "unused_samples": unused[:: max(1, len(unused) // SHOWN)][:SHOWN],
    }


def _print(found: dict[str, Any]) -> None:
    splits = [split for split in ("train", "heldout") if split in found]
    numbers = ("parts", "documents", "sentences", "tokens", "eojeols", "tokens_per_eojeol")
    percents = ("unk_percent", "words_percent", "morphemes_percent")
    rows = [
        (text(f"cli.shards.stats.{name}"), *(f"{found[split][name]:,}" for split in splits))
        for name in numbers
    ]
    rows += [
        (text(f"cli.shards.stats.{name}"), *(f"{found[split][name]} %" for split in splits))
        for name in percents
    ]
    for name in ("sentence_lengths", "document_lengths"):
        cells = [" / ".join(f"{value:,}" for value in found[split][name].values()) for split in splits]
        rows.append((text(f"cli.shards.stats.{name}"), *cells))
    for index, row_len in enumerate(ROW_LENS):
        made = [found[split]["rows"][index] for split in splits]
        cells = [f"{row['rows']:,} ({row['real_percent']} %)" for row in made]
        rows.append((text("cli.shards.stats.rows", row_len=row_len), *cells))
    headers = ["", *(text(f"cli.shards.row.{split}") for split in splits)]
    console().table("cli.shards.table", headers, rows)
    if console().mode == "json":
        return
    commonest = "  ".join(f"{token} {count:,}" for token, count in found["commonest"])
    console().print("cli.shards.stats.commonest", tokens=commonest)
    samples = " ".join(found["unused_samples"])
    console().print("cli.shards.stats.unused", count=f"{found['unused']:,}", samples=samples)
