"""Last pass: refined sentences and drop lists in, training and held-out text out, by byte masks of slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.corpus.dedup import BOILERPLATE, DUPLICATE, Array, drops_of_slice
from malmoi.corpus.heldout import surviving


@dataclass(frozen=True)
class WriteSpec:
    refined: str
    number: int  # of the slice
    matches: tuple[str, ...]  # folders of the sentence matches
    dropped: str  # folder of the dropped documents
    threshold: int  # documents with a smaller hash are held out


def write_slice(spec: WriteSpec, folder: Path) -> dict[str, Any]:
    """Writes `train.txt` and `heldout.txt`, each only if it has text; returns counts of both."""
    refined, matches = Path(spec.refined), [Path(m) for m in spec.matches]
    hashes, first, size = np.load(refined / "documents.npy").astype(np.uint64)
    data = np.fromfile(refined / "text.txt", np.uint8)
    lengths = np.diff(np.flatnonzero(data == 10), prepend=-1)
    places, codes = drops_of_slice(matches, spec.number)
    keep = np.ones(len(lengths), np.bool_)
    keep[places] = False
    left = surviving(refined, spec.number, matches, Path(spec.dropped))
    # Everything of a document that lost all its sentences goes, its blank line too.
    spans = size.astype(np.int64) + 1
    keep &= np.repeat(left > 0, spans)
    held = np.repeat(hashes < np.uint64(spec.threshold), spans) if spec.threshold < 2**64 else keep
    gone = np.load(Path(spec.dropped) / f"{spec.number:05d}.npy")
    return {
        "train": _save(folder / "train.txt", data, lengths, keep & ~held, first + size),
        "heldout": _save(folder / "heldout.txt", data, lengths, keep & held, first + size),
        "duplicate_document": {"documents": int(gone.sum()), "sentences": int(size[gone].sum())},
        "duplicate_sentence": int(np.count_nonzero(codes == DUPLICATE)),
        "boilerplate": int(np.count_nonzero(codes == BOILERPLATE)),
        "emptied": int(np.count_nonzero((left == 0) & ~gone)),
    }


def _save(path: Path, data: Array, lengths: Array, keep: Array, blanks: Array) -> dict[str, int]:
    text = data[np.repeat(keep, lengths)][:-1]  # without the last blank line
    documents = int(np.count_nonzero(keep[blanks.astype(np.int64)]))
    lines = int(np.count_nonzero(keep))
    if documents:
        with path.open("wb") as stream:
            stream.write(text.data)
    starts = int(np.count_nonzero((text & 0xC0) != 0x80))  # bytes that begin a character
    return {
        "documents": documents,
        "sentences": lines - documents,
        "chars": starts - (lines - 1 if documents else 0),
        "bytes": len(text),
    }
