"""A file of rows (csv, tsv, jsonl, a JSON list of objects) as named columns and numbered rows.

The whole file is checked once, in a stream, before anybody works on it: it decodes, it parses, no row holds
more fields than the header (an unquoted comma in a text would move the label), and the header does not come
up again. Rows are then streamed a second time, so a file larger than memory can be answered by `predict`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.nearest import did_you_mean, nearest
from malmoi.readers.decode import Decoded
from malmoi.tasks.delimited import Cut, find_cut, read_blocks, read_lines, records
from malmoi.tasks.objects import check_objects, is_objects, read_objects

POSITION = re.compile(r"#[1-9]\d*")
SHOWN = 40  # characters of a column's name in an error: it may be a text, where the header is missing


@dataclass(frozen=True, slots=True)
class Table:
    """A checked file. `columns` are stripped and NFC; `count` is the number of rows.

    Attributes:
        cut: how a delimited file is cut; None: JSON.
        header: whether the first row names the columns; without, they are `#1`, `#2`, …
        twice: columns that stand twice, here or in an object.
        lists: columns of a JSON file that hold a list somewhere.
    """

    path: Path
    encoding: str
    columns: tuple[str, ...]
    count: int
    cut: Cut | None = None
    header: bool = True
    twice: frozenset[str] = frozenset()
    lists: frozenset[str] = frozenset()

    def places(self, names: Sequence[str], option: str = "--text") -> list[int]:
        """Where the columns of these names are.

        Args:
            option: of the command line, which named them.

        Raises MM0603 (no such column), MM0631 (a name that two columns have), MM0632 (a list in a cell).
        """
        wanted = [composed(name).strip() for name in names]
        for name in wanted:
            if name in self.twice:
                raise MalmoiError("MM0631", self.path, column=name, columns=self._shown())
            if name in self.lists:
                raise MalmoiError("MM0632", self.path, keys=f"{name}: [ ]")
            if name not in self.columns:
                fixed = [
                    one if one in self.columns else nearest(one, self.columns) or self.columns[0][:SHOWN]
                    for one in wanted
                ]
                raise MalmoiError(
                    "MM0603",
                    self.path,
                    column=name,
                    hint=did_you_mean(name, self.columns),
                    columns=self._shown(),
                    option=option,
                    fixed=",".join(fixed),
                )
        return [self.columns.index(name) for name in wanted]

    def _shown(self) -> str:
        return ", ".join(name if len(name) <= SHOWN else name[: SHOWN - 1] + "…" for name in self.columns)

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line of the file the row starts on, one field per column); short rows are filled with ''."""
        if self.cut is None:
            for row in read_objects(Decoded(self.path)):
                yield row.line, [row.cells.get(name) or "" for name in self.columns]
            return
        found = records(self.path, self.cut)
        if self.header:
            next(found)
        width = len(self.columns)
        for line, fields in found:
            yield line, fields[:width] + [""] * (width - len(fields))


def open_table(path: Path, *, quoted: bool | None = None, header: bool = True) -> Table:
    """Find out what a file is and how it is cut, and check every row.

    Args:
        quoted: see `find_cut`.
        header: whether the first row of a delimited file names its columns.

    Raises MalmoiError: unreadable (MM0608), no rows (MM0604), rows with more fields than the first
    (MM0610), the header once more (MM0630), JSON that is torn (MM0647) or has no rows (MM0632).
    """
    decoded = Decoded(path)
    if is_objects(path, next(iter(read_blocks(decoded)), "")):
        found = check_objects(decoded)
        if not found.count:
            raise MalmoiError("MM0604", path)
        return Table(
            path,
            decoded.encoding,
            tuple(found.columns),
            found.count,
            twice=frozenset(found.twice),
            lists=frozenset(found.lists),
        )
    first = ""  # the whole file is decoded once, so that its encoding is known and sound
    for text in read_lines(decoded):
        first = first or text.strip("\n ")
    cut = find_cut(path, first, quoted)
    rows = records(path, cut)
    _, names = next(rows, (0, []))
    columns = tuple(composed(name).strip() for name in names)
    plain = sorted(map(_plain, columns))
    count, torn, again = int(not header and bool(names)), [], []
    for line, fields in rows:
        count += 1
        if any(field.strip() for field in fields[len(names) :]):
            torn.append(line)
        if header and len(columns) > 1 and _is_header(fields, plain):
            again.append(line)
    if not count:
        raise MalmoiError("MM0604", path)
    if torn:
        raise MalmoiError("MM0610", f"{path}:{torn[0]}", lines=some_lines(torn), columns=len(names))
    if again:
        raise MalmoiError("MM0630", f"{path}:{again[0]}", lines=some_lines(again), header=",".join(columns))
    twice = frozenset(name for name, n in Counter(columns).items() if n > 1 and name)
    if not header:
        columns, twice = tuple(f"#{n}" for n in range(1, len(names) + 1)), frozenset()
    return Table(path, decoded.encoding, columns, count, cut, header, twice)


def by_position(names: Sequence[str], where: Path) -> bool:
    """Whether columns are counted (`#2`: the second of a file without a header) and not named.

    Raises MM0633 where some are and some are not.
    """
    counted = [bool(POSITION.fullmatch(name.strip())) for name in names]
    if any(counted) and not all(counted):
        raise MalmoiError("MM0633", where, names=", ".join(names))
    return all(counted)


def _is_header(fields: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a row is the header once more, whose names are `names`, plain and sorted: joined files may have
    a byte-order mark each, another order of the columns, or capitals."""
    # The last cell first: it is often the label, and short.
    return len(fields) == len(names) and _plain(fields[-1]) in names and sorted(map(_plain, fields)) == names


def _plain(name: str) -> str:
    return composed(name).replace("\ufeff", "").strip().casefold()


def some_lines(lines: Sequence[int], show: int = 5) -> str:
    """`3, 17, 20, … (12)`: the first few line numbers, and how many there are where some are left out."""
    shown = ", ".join(map(str, lines[:show]))
    return shown if len(lines) <= show else f"{shown}, … ({len(lines)})"
