"""A file of rows in any of the formats of `readers` as named columns and numbered rows.

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

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.nearest import did_you_mean, nearest
from malmoi.readers import Reader, Row
from malmoi.readers.choose import table_reader
from malmoi.readers.decode import Decoded
from malmoi.tasks.blocks import Blocks, stop
from malmoi.tasks.objects import check_objects, flat_rows

POSITION = re.compile(r"#[1-9]\d*")
SHOWN = 40  # characters of a column's name in an error: it may be a text, where the header is missing


@dataclass(frozen=True, slots=True)
class Table:
    """A checked file. `columns` are stripped and NFC; `count` is the number of rows.

    Attributes:
        reader: of the file's format.
        quoted: whether `"` wraps fields; None: found out by the reader.
        header: whether the first row names the columns, where rows do not do so themselves; without, they
            are `#1`, `#2`, …
        twice: columns that stand twice, here or in a row.
        lists: columns that hold a list somewhere.
    """

    path: Path
    encoding: str
    columns: tuple[str, ...]
    count: int
    reader: Reader
    quoted: bool | None = None
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
                raise MalmoiError(Code.TASK_COLUMN_TWICE, self.path, column=name, columns=self._shown())
            if name in self.lists:
                raise MalmoiError(Code.JSON_NOT_A_TABLE, self.path, keys=f"{name}: [ ]")
            if name not in self.columns:
                fixed = [
                    one if one in self.columns else nearest(one, self.columns) or self.columns[0][:SHOWN]
                    for one in wanted
                ]
                raise MalmoiError(
                    Code.TASK_COLUMN_MISSING,
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
        found = read_strictly(self.path, self.reader, Blocks(Decoded(self.path)), self.quoted)
        if self.reader.named:
            for row in flat_rows(found, self.path):
                yield row.line, [row.cells.get(name) or "" for name in self.columns]
            return
        if self.header:
            next(found)
        width = len(self.columns)
        for line, fields in found:
            yield line, fields[:width] + [""] * (width - len(fields))


def read_strictly(path: Path, reader: Reader, blocks: Blocks, quoted: bool | None = None) -> Iterator[Row]:
    """The rows of a file; its first fault is an error."""
    return reader.strict_rows(blocks, stop(path, reader.error), quoted)


def open_table(path: Path, *, quoted: bool | None = None, header: bool = True) -> Table:
    """Find out what a file is and check every row.

    Args:
        quoted: whether `"` wraps fields; None: found out.
        header: whether the first row names the columns, where rows do not do so themselves.

    Raises MalmoiError: unreadable (MM0608), no rows (MM0604), rows with more fields than the first
    (MM0610), the header once more (MM0630), names and values that are no rows (MM0632), and the reader's own.
    """
    decoded = Decoded(path)
    blocks = Blocks(decoded)
    reader = table_reader(path, next(iter(blocks), ""))
    rows = read_strictly(path, reader, blocks, quoted)
    if reader.named:
        found = check_objects(rows, path)
        if not found.count:
            raise MalmoiError(Code.NO_ROWS_BELOW_HEADER, path)
        return Table(
            path,
            decoded.encoding,
            tuple(found.columns),
            found.count,
            reader,
            twice=frozenset(found.twice),
            lists=frozenset(found.lists),
        )
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
        raise MalmoiError(Code.NO_ROWS_BELOW_HEADER, path)
    if torn:
        raise MalmoiError(
            Code.TOO_MANY_CELLS, f"{path}:{torn[0]}", lines=some_lines(torn), columns=len(names)
        )
    if again:
        raise MalmoiError(
            Code.TASK_HEADER_REPEATED, f"{path}:{again[0]}", lines=some_lines(again), header=",".join(columns)
        )
    twice = frozenset(name for name, n in Counter(columns).items() if n > 1 and name)
    if not header:
        columns, twice = tuple(f"#{n}" for n in range(1, len(names) + 1)), frozenset()
    return Table(path, decoded.encoding, columns, count, reader, quoted, header, twice)


def by_position(names: Sequence[str], where: Path) -> bool:
    """Whether columns are counted (`#2`: the second of a file without a header) and not named.

    Raises MM0633 where some are and some are not.
    """
    counted = [bool(POSITION.fullmatch(name.strip())) for name in names]
    if any(counted) and not all(counted):
        raise MalmoiError(Code.COLUMNS_NAMED_AND_COUNTED, where, names=", ".join(names))
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
