"""Rows of a csv or tsv file (and of the .txt that NSMC calls its tsv) cut by one rule for the whole file."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from malmoi.readers.delimited.tolerant import RECENT, Cells, are_rows
from malmoi.readers.lines import numbered_lines
from malmoi.readers.protocol import Fault

DELIMITERS = "\t,;|"
# 10 MB is not a row but an unclosed quote that has swallowed the rest of the file.
LINE_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is cut into fields: by `delimiter`, and whether `"` wraps fields."""

    delimiter: str
    quoted: bool


def strict_rows(
    expected: str, text: Iterable[str], fault: Fault, quoted: bool | None = None
) -> Iterator[Cells]:
    """Rows of any width; an empty line is none, one of bare delimiters is one.

    Args:
        expected: the delimiter by the file's name.
        quoted: whether `"` wraps fields; None: always in files cut by commas, and in tab-separated files
            only where the tabs alone do not give every line the first one's number of fields (published
            Korean tsv files hold bare quotes: NSMC, KorNLI, KorSTS).
    """
    return records(text, fault, find_cut(expected, text, fault, quoted))


def find_cut(expected: str, text: Iterable[str], fault: Fault, quoted: bool | None) -> Dialect:
    first = next((line for _, line in _lines(text, fault) if line.strip(" ")), "")
    delimiter = _delimiter(expected, first)
    if quoted is None:
        width = len(first.split(delimiter))
        plain = delimiter == "\t" and all(
            len(fields) == width for _, fields in records(text, fault, Dialect(delimiter, False))
        )
        quoted = not plain
    return Dialect(delimiter, quoted)


def _delimiter(expected: str, header: str) -> str:
    """The expected one if the header holds it, else whichever cuts the header most often."""
    if expected in header:
        return expected
    best = max(DELIMITERS, key=header.count)
    return best if best in header else expected


def records(text: Iterable[str], fault: Fault, cut: Dialect) -> Iterator[Cells]:
    """(line the record starts on, its fields)."""
    csv.field_size_limit(LINE_LIMIT)
    taken: list[str] = []  # the lines of the record at hand
    recent: deque[list[str]] = deque(maxlen=RECENT)

    def feed() -> Iterator[str]:
        for _, one in _lines(text, fault):
            taken.append(one)
            yield one + "\n"

    if cut.quoted:
        reader = csv.reader(feed(), delimiter=cut.delimiter, strict=True)
    else:
        reader = csv.reader(feed(), delimiter=cut.delimiter, quoting=csv.QUOTE_NONE)
    width = 0
    while True:
        line = reader.line_num + 1
        taken.clear()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if "field larger" in str(error):
                fault(line, "line_limit", lines=len(taken), limit=LINE_LIMIT)
            else:
                fault(line, "after_quote" if "expected after" in str(error) else "unclosed", lines=len(taken))
            continue
        if fields is None:
            return
        if len(taken) > 1 and _swallows([one.split(cut.delimiter) for one in taken], width, recent):
            fault(line, "unclosed", lines=len(taken))
            continue
        if fields:
            if width:
                recent.append(fields)
            width = width or len(fields)
            yield line, fields


def _lines(text: Iterable[str], fault: Fault) -> Iterator[tuple[int, str]]:
    def endless(line: int, reason: str, *, lines: int = 1, **values: Any) -> None:
        fault(0, reason, **values)

    return numbered_lines(text, endless, LINE_LIMIT)


def _swallows(lines: Sequence[list[str]], width: int, recent: Sequence[list[str]]) -> bool:
    """Whether a record of several lines is rows of the table that a stray quote has taken in: the first line
    and the last are whole rows as they stand, and those between go on as the rows before."""
    ends = len(lines[0]) == len(lines[-1]) == width
    return ends and len(recent) >= 5 and are_rows(lines, width, recent)
