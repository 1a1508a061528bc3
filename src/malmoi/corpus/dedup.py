"""Global exact deduplication in two passes over hash-partitioned files, so memory stays bounded.

Pass 1 (in each slice): 64-bit hashes in the order of their top 8 bits, 256 buckets. Pass 2 (here): one task
reads the same buckets of every slice, slice by slice, and says which positions to drop. Slices come in input
order and a stable sort keeps it, so the first in input order stays, whatever the number of workers and
slices. At 1e9 sentences the chance that any two different ones match is about 3 %.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
BUCKETS = 256
TASK_RECORDS = 2_000_000  # about 100 MB of memory per worker
DUPLICATE, BOILERPLATE = 1, 2
EXAMPLES = 20  # most repeated groups each task reports


def write_records(folder: Path, name: str, hashes: Array, places: Array, owners: Array | None = None) -> None:
    """Write `name.*.npy`: hashes in bucket order, the place of each (and its document), and where buckets
    start."""
    bucket = (hashes.astype(np.uint64) >> np.uint64(56)).astype(np.uint8)
    order = np.argsort(bucket, kind="stable")  # radix sort for one byte
    np.save(folder / f"{name}.hash.npy", hashes[order].astype(np.uint64))
    np.save(folder / f"{name}.place.npy", places[order].astype(np.uint32))
    if owners is not None:
        np.save(folder / f"{name}.owner.npy", owners[order].astype(np.uint32))
    np.save(
        folder / f"{name}.starts.npy",
        np.concatenate(([0], np.cumsum(np.bincount(bucket, minlength=BUCKETS)))),
    )


@dataclass(frozen=True)
class MatchSpec:
    """Buckets [first, last) of records `name` in `folders` (one per slice, in order)."""

    folders: tuple[str, ...]
    name: str
    first: int
    last: int
    records: int  # hashes in these buckets
    duplicates: bool  # drop all but the first of equals
    boilerplate: int  # drop every copy of what more than this many documents contain (0: off)
    dropped: str = ""  # folder of the documents already dropped: a NNNNN.npy of bools per slice


def plan_matches(folders: Sequence[Path], name: str, **how: Any) -> list[MatchSpec]:
    """Neighbouring buckets together, up to TASK_RECORDS in one task."""
    sizes = np.zeros(BUCKETS, np.int64)
    for folder in folders:
        sizes += np.diff(np.load(folder / f"{name}.starts.npy"))
    specs = []
    first, filled = 0, 0
    for bucket, size in enumerate(sizes):
        if filled and filled + size > TASK_RECORDS:
            specs.append((first, bucket, filled))
            first, filled = bucket, 0
        filled += int(size)
    specs.append((first, BUCKETS, filled))
    return [MatchSpec(tuple(map(str, folders)), name, *spec, **how) for spec in specs]


@dataclass(frozen=True)
class _Groups:
    """Equal hashes of a slice as one entry each, in the order of the hashes."""

    hashes: Array
    first: Array  # place of the first
    copies: Array
    holders: Array  # documents that contain one


def match(spec: MatchSpec, folder: Path) -> dict[str, Any]:
    """Writes `drops.npy`, rows of (place, code) in order of slice and place, and `starts.npy` per slice.

    A slice is reduced to its distinct hashes before it is joined with the others, so memory holds one slice's
    records and a task's distinct hashes, however often a sentence is repeated. Returns the most repeated
    groups as [copies, slice, place] of their first, by code.
    """
    groups = [_reduce(*_records(spec, number)) for number in range(len(spec.folders))]
    hashes = np.concatenate([group.hashes for group in groups])
    slices = np.repeat(np.arange(len(groups), dtype=np.uint32), [len(group.hashes) for group in groups])
    copies = np.concatenate([group.copies for group in groups])
    order = np.argsort(hashes, kind="stable")  # equal ones stay in input order
    new = _changes(hashes[order])
    firsts = np.flatnonzero(new)
    whole = np.cumsum(new) - 1  # of each entry in `order`, its group over all slices
    codes = np.zeros(len(firsts), np.uint8)
    total = _sums(copies[order], firsts)
    if spec.duplicates:
        codes[total > 1] = DUPLICATE
    if spec.boilerplate:
        holders = np.concatenate([group.holders for group in groups])
        codes[_sums(holders[order], firsts) > spec.boilerplate] = BOILERPLATE
    code = np.empty(len(hashes), np.uint8)
    code[order] = codes[whole]
    kept = np.zeros(len(hashes), np.bool_)  # this entry's first stays
    kept[order] = new & (codes[whole] != BOILERPLATE)
    starts = _write_drops(spec, folder, groups, code, kept)
    np.save(folder / "starts.npy", starts)
    places = np.concatenate([group.first for group in groups])
    examples = {}
    for number in (DUPLICATE, BOILERPLATE):
        found = np.flatnonzero(codes == number)
        most = found[np.argsort(-total[found], kind="stable")[:EXAMPLES]]
        at = order[firsts[most]]
        examples[str(number)] = np.stack((total[most], slices[at], places[at]), axis=1).astype(int).tolist()
    return {"records": int(copies.sum()), "examples": examples}


def _reduce(hashes: Array, places: Array, owners: Array) -> _Groups:
    order = np.argsort(hashes, kind="stable")
    hashes, owners = hashes[order], owners[order]
    new = _changes(hashes)
    firsts = np.flatnonzero(new)
    # Within a group the records are in input order, so each change of document means another document.
    others = new | _changes(owners)
    copies = np.diff(np.append(firsts, len(hashes)))
    return _Groups(hashes[firsts], places[order][firsts], copies, _sums(others, firsts))


def _changes(values: Array) -> Array:
    """True where a value differs from the one before, and for the first."""
    new = np.ones(len(values), np.bool_)
    np.not_equal(values[1:], values[:-1], out=new[1:])
    return new


def _sums(values: Array, firsts: Array) -> Array:
    return np.add.reduceat(values, firsts, dtype=np.int64) if len(firsts) else np.zeros(0, np.int64)


def _write_drops(spec: MatchSpec, folder: Path, groups: Sequence[_Groups], code: Array, kept: Array) -> Array:
    """`drops.npy` slice by slice; where each slice starts in it."""
    counts, start = [], 0
    spans = []
    for group in groups:
        span = slice(start, start := start + len(group.hashes))
        spans.append(span)
        counts.append(
            int(group.copies[code[span] > 0].sum() - np.count_nonzero(kept[span] & (code[span] > 0)))
        )
    with (folder / "drops.npy").open("wb") as stream:
        header = {"descr": "<u4", "fortran_order": False, "shape": (sum(counts), 2)}
        np.lib.format.write_array_header_1_0(stream, header)
        for number, (group, span) in enumerate(zip(groups, spans, strict=True)):
            if counts[number]:
                hashes, places, _ = _records(spec, number)
                at = np.searchsorted(group.hashes, hashes)
                gone = code[span][at]
                gone[kept[span][at] & (places == group.first[at])] = 0
                rows = np.stack((places, gone), axis=1)[gone > 0].astype("<u4")
                stream.write(rows[np.argsort(rows[:, 0], kind="stable")].tobytes())
    return np.concatenate(([0], np.cumsum(counts, dtype=np.int64)))


def _records(spec: MatchSpec, number: int) -> tuple[Array, Array, Array]:
    """Hashes, places and documents of slice `number`, copied: a mapped array keeps a file open, and with 3
    per slice the usual limit of 1,024 would be reached at 340 slices."""
    base = Path(spec.folders[number]) / spec.name
    starts = np.load(f"{base}.starts.npy")
    span = slice(int(starts[spec.first]), int(starts[spec.last]))

    def column(name: str) -> Array:
        return np.array(np.load(f"{base}.{name}.npy", mmap_mode="r")[span])

    hashes, places = column("hash"), column("place")
    owners = column("owner") if Path(f"{base}.owner.npy").exists() else places
    if spec.dropped:
        alive = ~np.load(Path(spec.dropped) / f"{number:05d}.npy")[owners]
        hashes, places, owners = hashes[alive], places[alive], owners[alive]
    return hashes, places, owners


def drops_of_slice(folders: Sequence[Path], number: int) -> tuple[Array, Array]:
    """Places and codes that the tasks in `folders` drop from slice `number`."""
    found = []
    for folder in folders:
        starts = np.load(folder / "starts.npy")
        found.append(np.load(folder / "drops.npy", mmap_mode="r")[starts[number] : starts[number + 1]])
    both = np.concatenate(found)
    return both[:, 0], both[:, 1].astype(np.uint8)
