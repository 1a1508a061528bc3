"""A delimited text file (csv, tsv, and the .txt that NSMC calls its tsv) as columns and numbered rows.

The whole file is checked once, in a stream, before anybody works on it: it decodes, it parses, and no row
holds more fields than the header (an unquoted comma in a text would move the label). Rows are then
streamed a second time, so a file larger than memory can be answered by `predict`.
"""

from __future__ import annotations

import csv
import difflib
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.corpus.decode import Decoded
from malmoi.errors import MalmoiError

EXPECTED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
DELIMITERS = "\t,;|"
# 10 MB is not a row but an unclosed quote that has swallowed the rest of the file.
LINE_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Table:
    """A checked file. `columns` are stripped and NFC; `count` is the number of rows below the header."""

    path: Path
    encoding: str
    delimiter: str
    quoted: bool
    columns: tuple[str, ...]
    count: int

    def column(self, name: str) -> int:
        """The place of a column. Raises MM0603 with the columns there are."""
        wanted = unicodedata.normalize("NFC", name).strip()
        if wanted in self.columns:
            return self.columns.index(wanted)
        near = difflib.get_close_matches(wanted, self.columns, n=1, cutoff=0.0)
        raise MalmoiError(
            "MM0603", self.path, column=wanted, columns=", ".join(self.columns), near=near[0] if near else ""
        )

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(line of the file the row starts on, one field per column); short rows are filled with ''."""
        rows = _records(self.path, self.delimiter, self.quoted)
        next(rows)
        width = len(self.columns)
        for line, fields in rows:
            yield line, fields[:width] + [""] * (width - len(fields))


def open_table(path: Path, *, quoted: bool | None = None) -> Table:
    """Find out encoding, delimiter and quoting, and check every row.

    Args:
        quoted: whether `"` wraps fields; None: always in files cut by commas, and in tab-separated files
            only where the tabs alone do not give every line the header's number of fields (published
            Korean tsv files hold bare quotes: NSMC, KorNLI, KorSTS).

    Raises MalmoiError: unreadable (MM0608), no rows below the header (MM0604), rows with more fields than
    the header (MM0610).
    """
    decoded = Decoded(path)
    first = ""  # the header; the whole file is decoded once, so that its encoding is known and sound
    for text in read_lines(decoded):
        first = first or text.strip("\n ")
    delimiter = _delimiter(path, first)
    if quoted is None:
        width = len(first.split(delimiter))
        plain = delimiter == "\t" and all(
            len(fields) == width for _, fields in _records(path, delimiter, False)
        )
        quoted = not plain
    rows = _records(path, delimiter, quoted)
    _, names = next(rows, (0, []))
    count, torn = 0, []
    for line, fields in rows:
        count += 1
        if any(field.strip() for field in fields[len(names) :]):
            torn.append(line)
    if not count:
        raise MalmoiError("MM0604", path)
    if torn:
        raise MalmoiError("MM0610", f"{path}:{torn[0]}", lines=some_lines(torn), columns=len(names))
    columns = tuple(unicodedata.normalize("NFC", name).strip() for name in names)
    return Table(path, decoded.encoding, delimiter, quoted, columns, count)


def some_lines(lines: Sequence[int], show: int = 5) -> str:
    """`3, 17, 20, … (12)`: the first few line numbers, and how many there are where some are left out."""
    shown = ", ".join(map(str, lines[:show]))
    return shown if len(lines) <= show else f"{shown}, … ({len(lines)})"


def _delimiter(path: Path, header: str) -> str:
    """By the file's name if the header holds it, else whichever cuts the header most often."""
    expected = EXPECTED.get(path.suffix.lower(), ",")
    if expected in header:
        return expected
    best = max(DELIMITERS, key=header.count)
    return best if best in header else expected


def _records(path: Path, delimiter: str, quoted: bool) -> Iterator[tuple[int, list[str]]]:
    csv.field_size_limit(LINE_LIMIT)
    lines = read_lines(Decoded(path))
    if quoted:
        reader = csv.reader(lines, delimiter=delimiter, strict=True)
    else:
        reader = csv.reader(lines, delimiter=delimiter, quoting=csv.QUOTE_NONE)
    while True:
        line = reader.line_num + 1
        try:
            fields = next(reader, None)
        except csv.Error as error:
            raise MalmoiError("MM0608", f"{path}:{line}", detail=error) from None
        if fields is None:
            return
        if fields:  # an empty line is no row; a line of bare delimiters is one
            yield line, fields


def read_lines(decoded: Decoded) -> Iterator[str]:
    """Lines with their "\n", cut at line feeds only (texts hold U+2028 and form feeds).

    Raises MM0608 with the reason: no file, binary, unknown encoding, a damaged archive, an endless line.
    """
    held = ""
    try:
        for block in decoded:
            *lines, held = (held + block).split("\n")
            for line in lines:
                yield line + "\n"
            if len(held) > LINE_LIMIT:
                raise MalmoiError("MM0608", decoded.path, detail=f"> {LINE_LIMIT:,} characters in a line")
    except MalmoiError as error:
        if error.code == "MM0608":
            raise
        raise MalmoiError("MM0608", decoded.path, detail=error.what) from None
    except OSError as error:
        raise MalmoiError("MM0608", decoded.path, detail=error.strerror) from None
    if held:
        yield held
