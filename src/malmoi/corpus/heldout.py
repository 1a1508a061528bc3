"""Which text is held out: pieces of documents (`units`) whose keyed content hash is small, so the choice
depends on no order, slice or worker, and a document that appears again in a larger corpus stays on its
side."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl

from malmoi.corpus.dedup import TASK_RECORDS, Array, drops_of_slice

HASHES = "hashes.npy"


def surviving(refined: Path, number: int, matches: Sequence[Path], dropped: Path) -> Array:
    """Sentences left in each piece of slice `number` after deduplication."""
    _, first, size, document = np.load(refined / "units.npy").astype(np.int64)
    places, _ = drops_of_slice(matches, number)
    owner = np.searchsorted(first, places.astype(np.int64), side="right") - 1
    left: Array = size - np.bincount(owner, minlength=len(size))
    left[np.load(dropped / f"{number:05d}.npy")[document]] = 0
    return left


def choose_threshold(
    refined: Sequence[Path], matches: Sequence[Path], dropped: Path, fraction: float
) -> tuple[int, int]:
    """Pieces with hash < threshold are held out; also returns the number of pieces left.

    If there are two or more and `fraction` is not 0, at least one is held out and at least one is not.
    """
    threshold = int(fraction * 2**64)
    alive, chosen, least, most = 0, 0, 2**64, 0
    for number, folder in enumerate(refined):
        hashes = np.load(folder / "units.npy")[0][surviving(folder, number, matches, dropped) > 0]
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


def write_hashes(path: Path, text: bytes) -> None:
    """The sorted hashes of a text's sentences, for `repeated_in_training`."""
    lines = pl.Series(text.decode().split("\n"))
    np.save(path, np.sort(lines.filter(lines != "").hash(seed=0).to_numpy()))


def repeated_in_training(folders: Sequence[Path]) -> int:
    """How many held-out sentences are in the training text too, from the `heldout.` and `train.hashes.npy`
    in `folders`: in ranges of about TASK_RECORDS hashes, whatever the size of the corpus."""
    sides = [
        [
            np.load(folder / f"{side}.{HASHES}", mmap_mode="r")
            for folder in folders
            if (folder / f"{side}.{HASHES}").exists()
        ]
        for side in ("heldout", "train")
    ]
    ranges = max(1, sum(len(hashes) for side in sides for hashes in side) // TASK_RECORDS)
    bounds = [number * (2**64 // ranges) for number in range(ranges)] + [2**64]
    count = 0
    for low, high in pairwise(bounds):
        held, trained = (_between(side, low, high) for side in sides)
        count += int(np.isin(held, trained).sum())
    return count


def _between(sorted_hashes: Sequence[Array], low: int, high: int) -> Array:
    parts = [
        hashes[
            np.searchsorted(hashes, np.uint64(low)) : np.searchsorted(
                hashes, np.uint64(high - 1), side="right"
            )
        ]
        for hashes in sorted_hashes
    ]
    return np.concatenate(parts) if parts else np.zeros(0, np.uint64)
