"""Rows that name their values as rows by column. An object inside a row becomes columns with a dot
(`labels.score`); a list inside a row is a column that cannot be asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.readers import Pairs, Row

DEEPEST = 3  # objects inside objects whose values become columns
MOST_COLUMNS = 1000
_HALF = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class FlatObject:
    """One row: the line it starts on, its cells by column (None: a list) and the names it has twice."""

    line: int
    cells: dict[str, str | None]
    twice: frozenset[str]
    nested: bool


@dataclass(slots=True)
class FoundColumns:
    """What a whole file holds: its columns in the order they come up, and those that cannot be asked for."""

    columns: dict[str, None] = field(default_factory=dict)
    lists: set[str] = field(default_factory=set)
    twice: set[str] = field(default_factory=set)
    count: int = 0


def check_objects(rows: Iterable[Row], path: Path) -> FoundColumns:
    """Go through all of them. Raises MM0632 where there is not a row in each."""
    found = FoundColumns()
    nested = False
    for row in flat_rows(rows, path):
        found.count += 1
        found.columns |= dict.fromkeys(row.cells)
        found.lists |= {name for name, cell in row.cells.items() if cell is None}
        found.twice |= row.twice
        nested = row.nested
        if len(found.columns) > MOST_COLUMNS:
            raise _no_rows(path, row.line, found.columns)
    if found.count == 1 and nested:  # KorQuAD and its like: all rows inside one object
        raise _no_rows(path, 1, found.columns)
    return found


def flat_rows(rows: Iterable[Row], path: Path) -> Iterator[FlatObject]:
    """Raises MM0632 for a row that names nothing."""
    for line, value in rows:
        if not isinstance(value, Pairs):
            raise _no_rows(path, line, [str(value)])
        cells: dict[str, str | None] = {}
        twice = set()
        for name, cell in _flat(value):
            if name in cells:
                twice.add(name)
            cells[name] = cell
        yield FlatObject(line, cells, frozenset(twice), any(isinstance(inner, list) for _, inner in value))


def _flat(pairs: Pairs, prefix: str = "", depth: int = 0) -> Iterator[tuple[str, str | None]]:
    for key, value in pairs:
        name = prefix + composed(key).strip()
        if isinstance(value, Pairs) and depth < DEEPEST:
            yield from _flat(value, f"{name}.", depth + 1)
        elif isinstance(value, list):
            yield name, None
        elif isinstance(value, bool):
            yield name, str(value).lower()
        else:
            yield name, "" if value is None else _whole(value)


def _whole(text: str) -> str:
    """JSON can spell half of a surrogate pair, which is no character: U+FFFD."""
    if not _HALF.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _no_rows(path: Path, line: int, keys: Any) -> MalmoiError:
    names = list(keys)
    shown = ", ".join(name[:40] for name in names[:8]) + (", …" if len(names) > 8 else "")
    return MalmoiError(Code.JSON_NOT_A_TABLE, f"{path}:{line}", keys=shown)
