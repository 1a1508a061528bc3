"""The first global batch in which two runs differ: both are made again from seed and number, and compared.

A batch is a pure function of (shards, settings, k), so only the runs' manifests and the shards they read are
needed; the text of any step of any run can be shown.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from malmoi.progress import SILENT, Reporter
from malmoi.report.folder import PretrainRun
from malmoi.report.source import BatchSource, open_source, shown_ids, tensors_of

I64 = NDArray[np.int64]
CHUNK = 64  # batches whose text is made at once
# What determines the order of the rows and their text, and what, beside the collator, determines the masks.
ORDER = ("row_len", "batch_size", "seed", "segment_pair_rate", "copy_rate")
MASKS = ("seed", "mask_rate")


@dataclass(frozen=True, slots=True)
class RowText:
    """One row of a batch: its number in the endless order, where it is, and its tokens as the network reads
    them, each with whether it differs from the other run's."""

    number: int
    place: str
    tokens: list[tuple[str, bool]]


@dataclass(frozen=True, slots=True)
class BatchDifference:
    """`row` counts from 0 within the batch; a side is None if that run's batch has no such row."""

    k: int
    row: int
    what: Literal["text", "masks", "rows", "tokenizer"]
    left: RowText | None
    right: RowText | None


@dataclass(frozen=True, slots=True)
class Batches:
    """`compared` batches are the same up to `first`. `reason`: a key of the catalog that says why nothing
    could be compared, with the folder concerned."""

    compared: int = 0
    first: BatchDifference | None = None
    reason: str | None = None
    folder: str = ""


def compare_batches(left: PretrainRun, right: PretrainRun, reporter: Reporter = SILENT) -> Batches:
    """Go through the batches of both runs up to the end of the shorter one."""
    sources = []
    for run in (left, right):
        source = open_source(run)
        if isinstance(source, str):
            return Batches(reason=source, folder=str(run.folder))
        sources.append(source)
    a, b = sources
    steps = min(a.setting("steps"), b.setting("steps"))
    if a.shards.tokenizer_digest != b.shards.tokenizer_digest:
        return Batches(0, _difference(a, b, 0, 0, "tokenizer"))
    same_text = a.shards.digest == b.shards.digest and _agree(a, b, ORDER)
    same_masks = _agree(a, b, MASKS) and a.feed.collator == b.feed.collator
    if same_text and same_masks:
        return Batches(steps)
    with reporter.step("report.diff.comparing", total=steps, unit="step") as step:
        for start in range(0, steps, CHUNK):
            stop = min(start + CHUNK, steps)
            first = None if same_text else _first_text(a, b, start, stop)
            last = first.k if first else stop
            if not same_masks:
                first = _first_masks(a, b, start, last) or first
            if first is not None:
                return Batches(first.k, first)
            step.advance(stop - start)
    return Batches(steps)


def _agree(a: BatchSource, b: BatchSource, names: tuple[str, ...]) -> bool:
    return all(a.setting(name) == b.setting(name) for name in names)


def _first_text(a: BatchSource, b: BatchSource, start: int, stop: int) -> BatchDifference | None:
    """The first row whose text differs in batches `start` … `stop - 1`."""
    sizes = a.feed.batch_size, b.feed.batch_size
    if sizes[0] != sizes[1]:  # then batch 0 differs: find from which row on
        texts = [_text(source, np.arange(size)) for source, size in zip((a, b), sizes, strict=True)]
        rows = min(sizes)
        odd = _odd_row(texts[0][:rows], texts[1][:rows])
        return _difference(a, b, 0, rows if odd is None else odd, "rows" if odd is None else "text")
    numbers = np.arange(start * sizes[0], stop * sizes[0])
    odd = _odd_row(_text(a, numbers), _text(b, numbers))
    if odd is None:
        return None
    k, row = divmod(int(numbers[odd]), sizes[0])
    return _difference(a, b, k, row, "text")


def _text(source: BatchSource, numbers: I64) -> I64:
    return source.feed.block(numbers).ids_RL


def _odd_row(left_RL: I64, right_RL: I64) -> int | None:
    if left_RL.shape[1] != right_RL.shape[1]:
        return 0
    odd = np.flatnonzero((left_RL != right_RL).any(1))
    return int(odd[0]) if len(odd) else None


def _first_masks(a: BatchSource, b: BatchSource, start: int, stop: int) -> BatchDifference | None:
    """The first batch before `stop` in which some tensor differs; its first row with other ids, or row 0."""
    for k in range(start, stop):
        batches = [source.feed.batch(k)[0] for source in (a, b)]
        one, other = (tensors_of(batch) for batch in batches)
        if one.keys() == other.keys() and all(_equal(one[name], other[name]) for name in one):
            continue
        ids = [shown_ids(batch) for batch in batches]
        odd = _odd_row(*ids) if ids[0].shape == ids[1].shape else 0
        return _difference(a, b, k, odd or 0, "masks")
    return None


def _equal(a: NDArray[Any], b: NDArray[Any]) -> bool:
    return a.shape == b.shape and bool((a == b).all())


def _difference(
    a: BatchSource, b: BatchSource, k: int, row: int, what: Literal["text", "masks", "rows", "tokenizer"]
) -> BatchDifference:
    ids = [_row(source, k, row) for source in (a, b)]
    texts: list[RowText | None] = []
    for own, other, source in ((ids[0], ids[1], a), (ids[1], ids[0], b)):
        if own is None:
            texts.append(None)
            continue
        number = k * source.feed.batch_size + row
        tokens = source.tokenizer.tokens(own)
        odd = [other is not None and (i >= len(other) or own[i] != other[i]) for i in range(len(own))]
        texts.append(RowText(number, source.feed.source(number), list(zip(tokens, odd, strict=True))))
    return BatchDifference(k, row, what, texts[0], texts[1])


def _row(source: BatchSource, k: int, row: int) -> I64 | None:
    """The ids of one row as the network reads them, without the padding at its end."""
    feed = source.feed
    if row >= feed.batch_size:
        return None
    ids = shown_ids(feed.one(k * feed.batch_size + row))[0]
    real = np.flatnonzero(ids != source.shards.special.pad)
    end = int(real[-1]) + 1 if len(real) else 0
    return np.asarray(ids[:end], np.int64)
