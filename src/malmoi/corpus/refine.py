"""Second pass: one slice file in, its clean sentences out, with the hashes that global deduplication needs.

Into its folder a slice writes `text.txt` (one sentence a line, a blank line after each document),
`documents.npy` (hash, first line and number of sentences of each) and `lines.*.npy` (hash, line and document
of each sentence).
"""

from __future__ import annotations

import hashlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from malmoi.corpus.characters import clean_characters
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.dedup import write_records
from malmoi.corpus.documents import DOC
from malmoi.corpus.filters import filter_sentences
from malmoi.corpus.html import strip_html
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.rules import rewrite, rules_of
from malmoi.corpus.split import split_sentences

# Small enough for the cache, large enough to hide what a call costs.
BLOCK_CHARS = 1 << 18


@dataclass(frozen=True)
class RefineSpec:
    config: CorpusConfig
    path: str  # of the slice file
    sources: tuple[tuple[int, str], ...]  # (documents before it in the slice, input file), ascending


def refine(spec: RefineSpec, folder: Path) -> dict[str, Any]:
    """Returns the slice's counts and its ledger."""
    config = spec.config
    ledger = Ledger(config.samples)
    counts = {
        "documents": 0,
        "lines": 0,
        "chars": 0,
        "split": 0,
        "kept_documents": 0,
        "sentences": 0,
        "kept_chars": 0,
    }
    hashes, owners, line_numbers, firsts, sizes, digests = [], [], [], [], [], []
    line = 0  # in text.txt
    with (folder / "text.txt").open("wb") as out:
        for block in read_blocks(Path(spec.path)):
            ledger.file_of = _finder(spec.sources, counts["documents"])
            sentences = refine_block(block, config, ledger, counts)
            text = sentences["text"]
            if not len(text):
                continue
            # Each document's rows, then one blank line: row r of document d stands at line r + d.
            owner = sentences["document"].to_numpy()
            first = np.flatnonzero(np.concatenate(([True], owner[1:] != owner[:-1])))
            size = np.diff(np.append(first, len(owner)))
            local = np.repeat(np.arange(len(first)), size)
            sizes.append(size)
            line_numbers.append(line + np.arange(len(owner)) + local)
            firsts.append(line + first + np.arange(len(first)))
            hashes.append(text.hash(seed=0).to_numpy())
            owners.append(counts["kept_documents"] + local)
            documents = [d.encode() for d in _joined(text, first)]
            digests += [content_hash(d, config.seed) for d in documents]
            out.write(b"\n\n".join(documents) + b"\n\n")
            line += len(owner) + len(first)
            counts["kept_documents"] += len(first)
            counts["sentences"] += len(owner)
            counts["kept_chars"] += int(text.str.len_chars().sum())
    document_hashes = np.array(digests, np.uint64)
    columns = (document_hashes, _flat(firsts), _flat(sizes))
    np.save(folder / "documents.npy", np.stack([c.astype(np.uint64) for c in columns]))
    write_records(folder, "documents", document_hashes, np.arange(len(digests)))
    write_records(folder, "lines", _flat(hashes), _flat(line_numbers), _flat(owners))
    return {**counts, "ledger": ledger.as_dict()}


def _finder(sources: tuple[tuple[int, str], ...], before: int) -> Callable[[int], str]:
    starts = [start for start, _ in sources]
    return lambda document: sources[bisect_right(starts, before + document) - 1][1]


def _flat(parts: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)


def _joined(text: pl.Series, first: np.ndarray[Any, Any]) -> list[str]:
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
    """Clean sentences of a block of documents: columns `document` (ascending) and `text`."""
    separators = block.count(DOC)
    counts["documents"] += separators + 1
    counts["chars"] += len(block) - separators
    if config.markup:
        block = strip_html(block, ledger)
    block, dropped, squeezed = clean_characters(block, config.repeats)
    ledger.count_change("invisible_characters", dropped)
    ledger.count_change("repeated_characters", squeezed)
    lines = (
        pl.DataFrame({"text": block.split(DOC)})
        .with_row_index("document")
        .with_columns(pl.col("text").str.split("\n"))
        .explode("text")
    )
    lines = lines.filter(pl.col("text").str.contains(r"\S"))
    counts["lines"] += len(lines)
    lines = lines.with_columns(text=rewrite(lines["text"], rules_of(config), ledger))
    empty = lines["text"] == ""
    if empty.any():
        lines = lines.filter(~empty)
    if config.split and len(lines):
        lines = split_sentences(lines, config.min_chars)
    counts["split"] += len(lines)
    return filter_sentences(lines, config, ledger)


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
