"""Which documents are held out: those whose keyed content hash is small, so the choice depends on no order,
slice or worker, and a document that comes back in a larger corpus stays on its side."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from malmoi.corpus.dedup import Array, drops_of_slice


def surviving(refined: Path, number: int, matches: Sequence[Path], dropped: Path) -> Array:
    """Sentences left in each document of slice `number` after deduplication."""
    _, first, size = np.load(refined / "documents.npy")
    places, _ = drops_of_slice(matches, number)
    owner = np.searchsorted(first, places.astype(np.uint64), side="right") - 1
    left: Array = size.astype(np.int64) - np.bincount(owner, minlength=len(size))
    left[np.load(dropped / f"{number:05d}.npy")] = 0
    return left


def choose_threshold(
    refined: Sequence[Path], matches: Sequence[Path], dropped: Path, fraction: float
) -> tuple[int, int]:
    """Documents with hash < threshold are held out; also returns the number of documents left.

    At least one is held out and at least one is not, where there are two and `fraction` is not 0.
    """
    threshold = int(fraction * 2**64)
    alive, chosen, least, most = 0, 0, 2**64, 0
    for number, folder in enumerate(refined):
        hashes = np.load(folder / "documents.npy")[0][surviving(folder, number, matches, dropped) > 0]
        if len(hashes):
            alive += len(hashes)
            chosen += int(np.count_nonzero(hashes < np.uint64(threshold)))
            least, most = min(least, int(hashes.min())), max(most, int(hashes.max()))
    if fraction and alive > 1:
        if not chosen:
            threshold = least + 1 if least < most else 0
        elif chosen == alive:
            threshold = most
    elif alive <= 1:
        threshold = 0
    return threshold, alive
