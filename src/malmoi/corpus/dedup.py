"""Global exact deduplication in two passes over hash-partitioned files, so memory stays bounded.

Pass 1 (in each slice): 64-bit hashes in the order of their top 8 bits, 256 buckets. Pass 2 (here): one task
reads the same buckets of every slice and says which positions to drop. Slices come in input order and a
stable sort keeps it, so the first in input order stays, whatever the number of workers and slices. At 1e9
sentences the chance that any two different ones match is about 3 %.
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
TASK_RECORDS = 2_000_000  # about 100 MB of memory a worker
DUPLICATE, BOILERPLATE = 1, 2
EXAMPLES = 20  # most repeated groups each task reports


def write_records(folder: Path, name: str, hashes: Array, places: Array, owners: Array | None = None) -> None:
    """Write `name.*.npy`: hashes in bucket order, the place of each (and its document), and bucket starts."""
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
    boilerplate: int  # drop all of those that more than this many documents hold (0: off)
    dropped: str = ""  # folder of the documents already dropped, NNNNN.npy of bool per slice


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


def match(spec: MatchSpec, folder: Path) -> dict[str, Any]:
    """Writes `drops.npy` (place, code) in order of slice and place, `starts.npy` per slice.

    Returns the most repeated groups as [copies, slice, place] of their first, by code.
    """
    hashes, places, slices, owners = _load(spec)
    order = np.argsort(hashes, kind="stable")
    hashes = hashes[order]
    new = np.concatenate(([True], hashes[1:] != hashes[:-1])) if len(hashes) else np.zeros(0, bool)
    firsts = np.flatnonzero(new)
    group = np.cumsum(new) - 1
    copies = np.diff(np.append(firsts, len(hashes)))
    codes = np.zeros(len(hashes), np.uint8)
    if spec.duplicates:
        codes[~new] = DUPLICATE
    if spec.boilerplate and len(hashes):
        # Within a group the records are in input order, so each change of document is another document.
        owner = (slices.astype(np.int64) << 32 | owners)[order]
        other = new | np.concatenate(([True], owner[1:] != owner[:-1]))
        holders = np.add.reduceat(other.astype(np.int64), firsts)
        codes[(holders > spec.boilerplate)[group]] = BOILERPLATE
    dropped = codes > 0
    place, part, code = places[order][dropped], slices[order][dropped], codes[dropped]
    back = np.lexsort((place, part))
    np.save(folder / "drops.npy", np.stack((place[back], code[back].astype(np.uint32))))
    per_slice = np.bincount(part, minlength=len(spec.folders))
    np.save(folder / "starts.npy", np.concatenate(([0], np.cumsum(per_slice))))
    examples = {}
    group_codes = np.maximum.reduceat(codes, firsts) if len(hashes) else codes
    for number in (DUPLICATE, BOILERPLATE):
        groups = np.flatnonzero(group_codes == number)
        most = groups[np.argsort(-copies[groups], kind="stable")[:EXAMPLES]]
        at = order[firsts[most]]
        examples[str(number)] = np.stack((copies[most], slices[at], places[at]), axis=1).astype(int).tolist()
    return {"records": len(hashes), "examples": examples}


def _load(spec: MatchSpec) -> tuple[Array, Array, Array, Array]:
    """Hashes, places, slices and owners of the records, copied: a mapped array holds a file open, and with
    3 a slice the usual limit of 1,024 would be met at 340 slices."""
    columns = tuple(np.empty(spec.records, kind) for kind in (np.uint64, np.uint32, np.uint32, np.uint32))
    filled = 0
    for number, folder in enumerate(spec.folders):
        base = Path(folder) / spec.name
        starts = np.load(f"{base}.starts.npy")
        span = slice(int(starts[spec.first]), int(starts[spec.last]))
        hashes = np.load(f"{base}.hash.npy", mmap_mode="r")[span]
        places = np.load(f"{base}.place.npy", mmap_mode="r")[span]
        has_owner = Path(f"{base}.owner.npy").exists()
        owners = np.load(f"{base}.owner.npy", mmap_mode="r")[span] if has_owner else places
        if spec.dropped:
            alive = ~np.load(Path(spec.dropped) / f"{number:05d}.npy")[owners]
            hashes, places, owners = hashes[alive], places[alive], owners[alive]
        end = filled + len(hashes)
        for column, values in zip(columns, (hashes, places, number, owners), strict=True):
            column[filled:end] = values
        filled = end
    hashes, places, slices, owners = (column[:filled] for column in columns)
    return hashes, places, slices, owners


def drops_of_slice(folders: Sequence[Path], number: int) -> tuple[Array, Array]:
    """Places and codes that the tasks in `folders` drop from slice `number`."""
    found = []
    for folder in folders:
        starts = np.load(folder / "starts.npy")
        found.append(np.load(folder / "drops.npy", mmap_mode="r")[:, starts[number] : starts[number + 1]])
    both = np.concatenate(found, axis=1)
    return both[0], both[1].astype(np.uint8)
