"""Last pass: refined sentences and drop lists in, training and held-out text out, by byte masks of slices."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.corpus.dedup import BOILERPLATE, DUPLICATE, Array, drops_of_slice
from malmoi.corpus.heldout import HASHES, surviving, write_hashes


@dataclass(frozen=True)
class WriteSpec:
    refined: str
    number: int  # of the slice
    matches: tuple[str, ...]  # folders of the sentence matches
    dropped: str  # folder of the dropped documents
    threshold: int  # pieces with a smaller hash are held out
    hashes: bool = False  # write those of sentences too


def write_slice(spec: WriteSpec, folder: Path) -> dict[str, Any]:
    """Writes `train.txt` and `heldout.txt`, each only if it has text; returns counts of both."""
    refined, matches = Path(spec.refined), [Path(m) for m in spec.matches]
    hashes = np.load(refined / "units.npy")[0]
    _, first, size, document = np.load(refined / "units.npy").astype(np.int64)
    data = np.fromfile(refined / "text.txt", np.uint8)
    lengths = np.diff(np.flatnonzero(data == 10), prepend=-1)
    places, codes = drops_of_slice(matches, spec.number)
    left = surviving(refined, spec.number, matches, Path(spec.dropped))
    # A piece that lost all its sentences goes entirely, with its blank line.
    spans, blanks = size + 1, first + size
    keep = np.repeat(left > 0, spans)
    keep[places] = False
    held = hashes < np.uint64(spec.threshold) if spec.threshold < 2**64 else np.ones(len(hashes), np.bool_)
    # A blank line ends a document, and separates what is held out of it from what is not.
    alive = np.flatnonzero(left)
    goes_on = (np.diff(document[alive]) == 0) & (held[alive][1:] == held[alive][:-1])
    keep[blanks[alive[:-1][goes_on]]] = False
    gone = np.load(Path(spec.dropped) / f"{spec.number:05d}.npy")
    left_of_document = np.bincount(document, left, len(gone))
    sides = {}
    for name, side in (("train", ~held), ("heldout", held)):
        text = data[np.repeat(keep & np.repeat(side, spans), lengths)][:-1]  # without the last blank line
        sides[name] = _save(folder / f"{name}.txt", text)
        if spec.hashes and len(text):
            write_hashes(folder / f"{name}.{HASHES}", text.tobytes())
    return {
        **sides,
        "duplicate_document": {
            "documents": int(gone.sum()),
            "sentences": int(size[gone[document]].sum()),
        },
        "duplicate_sentence": int(np.count_nonzero(codes == DUPLICATE)),
        "boilerplate": int(np.count_nonzero(codes == BOILERPLATE)),
        "emptied": int(np.count_nonzero((left_of_document == 0) & ~gone)),
    }


def _save(path: Path, text: Array) -> dict[str, int]:
    ends = np.flatnonzero(text == 10)
    documents = int(np.count_nonzero(np.diff(ends) == 1)) + 1 if len(text) else 0
    if documents:
        with path.open("wb") as stream:
            stream.write(text.data)
    starts = int(np.count_nonzero((text & 0xC0) != 0x80))  # bytes that begin a character
    return {
        "documents": documents,
        "sentences": len(ends) - (documents - 1) if documents else 0,
        "chars": starts - len(ends),
        "bytes": len(text),
    }
