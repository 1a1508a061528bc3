"""Second pass: one slice file in, its clean sentences out, with the hashes that global deduplication needs.

Into its folder a slice writes `text.txt` (one sentence per line, a blank line after each piece of a document:
`units`), `documents.npy` (hash, first line and number of sentences of each), `units.npy` (the same for each
piece, and its document) and `lines.*.npy` (hash, line and document of each sentence).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from malmoi.corpus.characters import Places, clean_characters
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.dedup import Array, write_records
from malmoi.corpus.documents import DOC
from malmoi.corpus.filters import filter_sentences
from malmoi.corpus.html import strip_html
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.namuwiki import strip_braces, strip_namuwiki
from malmoi.corpus.rules import rewrite, rules_of
from malmoi.corpus.split import split_sentences
from malmoi.corpus.units import LONG, cut_pieces
from malmoi.hangul.spelling import respell

# Small enough for the cache, large enough to hide the cost of a call.
BLOCK_CHARS = 1 << 18
# Before cleaning and after; `private` are codes of Hanyang's fonts that were kept.
COUNTS = ("documents", "lines", "chars", "private", "split", "kept_documents", "sentences", "kept_chars")


@dataclass(frozen=True)
class RefineSpec:
    config: CorpusConfig
    path: str  # of the slice file
    sources: tuple[tuple[int, str], ...]  # (documents before it in the slice, input file), ascending


def refine(spec: RefineSpec, folder: Path) -> dict[str, Any]:
    """Returns the slice's counts and its ledger."""
    config = spec.config
    ledger = Ledger(config.samples)
    counts = dict.fromkeys(COUNTS, 0)
    lines: dict[str, list[Array]] = {"hash": [], "place": [], "owner": []}
    documents: dict[str, list[Array]] = {"hash": [], "first": [], "size": []}
    units: dict[str, list[Array]] = {"hash": [], "first": [], "size": [], "document": []}
    line = 0  # in text.txt
    with (folder / "text.txt").open("wb") as out:
        for block in read_blocks(Path(spec.path)):
            ledger.file_of = _finder(spec.sources, counts["documents"])
            sentences = refine_block(block, config, ledger, counts)
            text = sentences["text"]
            if not len(text):
                continue
            chars = text.str.len_chars().to_numpy().astype(np.int64)
            first, parts = _pieces(sentences, chars)
            # Each piece's rows, then one blank line: row r of piece p is at line r + p.
            size = np.diff(np.append(first, len(text)))
            whole = np.flatnonzero(np.diff(parts, prepend=-1))  # the pieces that begin a document
            place = line + np.arange(len(text)) + np.repeat(np.arange(len(first)), size)
            pieces = [piece.encode() for piece in _joined(text, first)]
            numbers = counts["kept_documents"] + parts
            hashed = [content_hash(piece, config.seed) for piece in pieces]
            _add(units, {"hash": hashed, "first": place[first], "size": size, "document": numbers})
            bounds = pairwise([*whole.tolist(), len(pieces)])
            _add(
                documents,
                {
                    "hash": [
                        hashed[a] if b == a + 1 else content_hash(b"\n".join(pieces[a:b]), config.seed)
                        for a, b in bounds
                    ],
                    "first": place[first[whole]],
                    "size": np.add.reduceat(size, whole),
                },
            )
            _add(
                lines,
                {"hash": text.hash(seed=0).to_numpy(), "place": place, "owner": np.repeat(numbers, size)},
            )
            out.write(b"\n\n".join(pieces) + b"\n\n")
            line += len(text) + len(pieces)
            counts["kept_documents"] += len(whole)
            counts["sentences"] += len(text)
            counts["kept_chars"] += int(chars.sum())
    for name, table in (("documents", documents), ("units", units)):
        np.save(folder / f"{name}.npy", np.stack([_flat(column) for column in table.values()]))
    hashes = _flat(documents["hash"])
    write_records(folder, "documents", hashes, np.arange(len(hashes)))
    write_records(folder, "lines", *(_flat(column) for column in lines.values()))
    return {**counts, "ledger": ledger.as_dict()}


def _pieces(sentences: pl.DataFrame, chars: Array) -> tuple[Array, Array]:
    """The first row of each piece, and the document of the block it belongs to, counted from 0."""
    owner = sentences["document"].to_numpy()
    first = np.flatnonzero(np.diff(owner.astype(np.int64), prepend=-1))
    long = np.add.reduceat(chars, first) >= LONG
    if not long.any():
        return first, np.arange(len(first))
    paragraphs = sentences["paragraph"].to_numpy().astype(np.int64)
    bounds = pairwise([*first.tolist(), len(owner)])
    cuts = [
        start + cut_pieces(chars[start:end], paragraphs[start:end]) if cut else np.array([start])
        for (start, end), cut in zip(bounds, long.tolist(), strict=True)
    ]
    return np.concatenate(cuts), np.repeat(np.arange(len(first)), [len(cut) for cut in cuts])


def _add(table: dict[str, list[Array]], found: dict[str, Any]) -> None:
    for name, values in found.items():
        table[name].append(np.asarray(values, np.uint64))


def _finder(sources: tuple[tuple[int, str], ...], before: int) -> Callable[[int], str]:
    starts = [start for start, _ in sources]
    return lambda document: sources[bisect_right(starts, before + document) - 1][1]


def _flat(parts: list[Array]) -> Array:
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _joined(text: pl.Series, first: Array) -> list[str]:
    starts = pl.Series(np.isin(np.arange(len(text)), first))
    marked = pl.select(pl.when(starts).then(pl.lit(DOC) + text).otherwise(text)).to_series()
    joined = str(marked.str.join("\n")[0])
    return joined[1:].split("\n" + DOC)


def content_hash(document: bytes, seed: int) -> int:
    """Keyed hash of a document's sentences: equal documents are duplicates; small hashes are held out.

    BLAKE2b rather than polars' hash, which may change between versions: the split must not.
    """
    key = seed.to_bytes(8, "little")
    return int.from_bytes(hashlib.blake2b(document, digest_size=8, key=key).digest(), "little")


def refine_block(block: str, config: CorpusConfig, ledger: Ledger, counts: dict[str, int]) -> pl.DataFrame:
    """Clean sentences of a block of documents: columns `document` and `paragraph` (the line a sentence was
    in), both ascending, and `text`."""
    separators = block.count(DOC)
    counts["documents"] += separators + 1
    counts["chars"] += len(block) - separators
    block = clean_block(strip_markup(block, config, ledger), config, ledger, counts)
    lines = (
        pl.DataFrame({"text": block.split(DOC)})
        .with_row_index("document")
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
    )
    lines = lines.filter(pl.col("text").str.contains(r"\S")).with_row_index("paragraph")
    counts["lines"] += len(lines)
    lines = lines.with_columns(text=rewrite(lines["text"], rules_of(config), ledger))
    empty = lines["text"] == ""
    if empty.any():
        lines = lines.filter(~empty)
    if config.split and len(lines):
        lines = split_sentences(lines, config.min_chars)
    counts["split"] += len(lines)
    return filter_sentences(lines, config, ledger)


def strip_markup(block: str, config: CorpusConfig, ledger: Ledger) -> str:
    """Remove markup that may span lines from a block of documents."""
    if not config.markup:
        return block
    block = (strip_namuwiki if config.markup == "namuwiki" else strip_braces)(block, ledger)
    return strip_html(block, ledger)


def clean_block(block: str, config: CorpusConfig, ledger: Ledger, counts: dict[str, int]) -> str:
    """`clean_characters` of a block of documents, with its changes recorded."""
    done = clean_characters(block, config.repeats)
    counts["private"] += done.private
    ledger.change_at("hangul_spelling", block, done.edits, respell)

    def book(code: str, places: Places, repeats: int) -> None:
        spans = [(place, place + 1) for place in places.tolist()]
        ledger.change_at(code, done.respelled, spans, lambda around: clean_characters(around, repeats).text)

    book("invisible_characters", done.hidden, 0)
    book("repeated_characters", done.repeated, config.repeats)
    return done.text


def read_blocks(path: Path) -> Iterator[str]:
    """Whole documents of a slice file in blocks of about BLOCK_CHARS, joined by DOC."""
    held = ""
    with path.open(encoding="utf-8", newline="") as stream:
        while data := stream.read(BLOCK_CHARS):
            whole, mark, rest = data.rpartition(DOC)
            if mark:
                yield held + whole
                held = rest
            else:
                held += data
    if held:
        yield held
