"""Which files to read: inputs as the user wrote them in, an ordered list of files with their formats out.

The order (inputs as given, a folder's files by path) decides which of two equal documents is the first.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.errors import MalmoiError

COMPRESSED = (".gz", ".xz", ".zst", ".bz2")
FORMATS = {".txt": "txt", ".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".tsv": "tsv"}
# Known not to be plain text; anything else (wiki_00, notes.md) is read as text and judged by its bytes.
NOT_YET = {".json", ".xml", ".html", ".xlsx", ".xls", ".parquet", ".hwp", ".hwpx", ".pdf", ".docx", ".zip"}
SMALL = 8_000_000  # small files are read in groups of this many bytes: one worker call for hundreds of them


@dataclass(frozen=True)
class Source:
    """One input file; `format` is txt, jsonl, csv or tsv, or the suffix of what cannot be read."""

    path: str
    format: str
    size: int


def find_sources(inputs: Sequence[str], out: Path, *, skip_bad: bool = False) -> list[Source]:
    """All input files in order, each once; hidden files and whatever lies in `out` are left out.

    Raises MalmoiError: no inputs (MM0112), nothing there (MM0101), a folder without files (MM0102),
    a format not read (MM0103, unless `skip_bad`).
    """
    if not inputs:
        raise MalmoiError("MM0112")
    own = {out.resolve(), out.with_name(out.name + ".tmp").resolve()}
    sources: list[Source] = []
    seen: set[Path] = set()
    for text in inputs:
        for path in _expand(text, own):
            if (real := path.resolve()) not in seen:
                seen.add(real)
                if (kind := format_of(path)) in NOT_YET and not skip_bad:
                    raise MalmoiError("MM0103", path, suffix=kind)
                sources.append(Source(str(path), kind, path.stat().st_size))
    return sources


def _expand(text: str, own: set[Path]) -> Iterator[Path]:
    path = Path(text).expanduser()
    if path.is_dir():
        found = list(_files(path, own))
        if not found:
            raise MalmoiError("MM0102", path)
        yield from found
    elif path.exists():
        yield path
    else:
        matches = sorted(glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob wants a folder
        if not matches:
            raise MalmoiError("MM0101", path, path=text)
        for match in matches:
            yield from _files(Path(match), own) if Path(match).is_dir() else [Path(match)]


def _files(folder: Path, own: set[Path]) -> Iterator[Path]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(
            f for f in folders if not f.startswith(".") and (Path(place) / f).resolve() not in own
        )
        yield from (Path(place) / name for name in sorted(names) if not name.startswith("."))


def format_of(path: Path) -> str:
    suffixes = [s.lower() for s in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    suffix = suffixes[-1] if suffixes else ""
    return suffix if suffix in NOT_YET else FORMATS.get(suffix, "txt")


def group_sources(sources: Sequence[Source]) -> list[list[Source]]:
    """Neighbouring small files together, large files alone: the tasks of the reading pass."""
    groups: list[list[Source]] = []
    filled = 0
    for source in sources:
        if not groups or filled + source.size > SMALL:
            groups.append([])
            filled = 0
        groups[-1].append(source)
        filled += source.size
    return groups
