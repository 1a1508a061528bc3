"""Rows of a csv or tsv file; one that is not what its file says is a fault, never guessed at.

Quotes are read as RFC 4180 has them, across lines too. A quote that is never closed would swallow what
follows: it shows by running to the end, by a closing quote with text behind it, or by lines that are rows of
the table, and then it costs its own line alone. In tab-separated files a quote is a letter (NSMC and its like
hold bare ones) unless only quoting gives a row as many cells as the header.
"""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, pairwise

from malmoi.readers.lines import LINE_LIMIT, Line, Rewindable, numbered_lines
from malmoi.readers.protocol import BadRowError, Fault

Cells = tuple[int, list[str]]
WITHOUT_GAIN = 1_000  # characters of one look ahead, in a file where looking far has failed time and again
MOST = 0.9  # of rows, of which a few may be damaged
RECENT = 20  # rows whose columns say what a row of this file looks like


def csv_rows(blocks: Iterable[str], fault: Fault) -> Iterator[Cells]:
    """Rows cut by whatever cuts the first line most often: spreadsheets of some locales write ; or tabs into
    .csv."""
    lines = numbered_lines(blocks, fault)
    first = next((line for line in lines if line[1].strip()), None)
    if first is not None:
        yield from _Rows(chain([first], lines), max(",;\t", key=first[1].count), True, fault)


def tsv_rows(blocks: Iterable[str], fault: Fault) -> Iterator[Cells]:
    for line, cells in _Rows(numbered_lines(blocks, fault), "\t", False, fault):
        yield line, [unquote(cell) if cell[:1] == '"' else cell for cell in cells]


class _Rows:
    """The rows of a file with the line each starts in, none wider than the first one (the header)."""

    def __init__(self, lines: Iterator[Line], delimiter: str, quoted: bool, fault: Fault) -> None:
        self.lines, self.delimiter, self.quoted, self.fault = Rewindable(lines), delimiter, quoted, fault
        # Made once: a reader is made for each row that holds a quote.
        self.strict = csv.reader([], delimiter=delimiter, strict=True).dialect
        self.spaced = csv.reader([], delimiter=delimiter, strict=True, skipinitialspace=True).dialect
        self.width = 0
        self.read = self.in_vain = 0  # characters
        self.recent: deque[list[str]] = deque(maxlen=RECENT)

    def __iter__(self) -> Iterator[Cells]:
        csv.field_size_limit(2 * LINE_LIMIT)
        for line in self.lines:
            self.read += len(line[1])
            if not line[1].strip():
                continue
            try:
                cells = self._cells(line)
            except BadRowError as error:
                self.fault(line[0], error.reason, lines=error.lines, **error.values)
                continue
            if self.width:
                self.recent.append(cells)
            self.width = self.width or len(cells)
            yield line[0], cells[: self.width]

    def _cells(self, line: Line) -> list[str]:
        plain = line[1].split(self.delimiter)
        if '"' not in line[1]:
            return self._not_wider(plain)
        return self._csv_cells(line, plain) if self.quoted else self._tsv_cells(line, plain)

    def _tsv_cells(self, line: Line, plain: list[str]) -> list[str]:
        if not self._is_whole(plain):
            taken = [line]
            try:
                cells = self._record(taken)
                if self._is_whole(cells) and not self._swallows(taken, plain, cells):
                    return cells
            except BadRowError:
                pass
            self._go_back(taken)
        return self._not_wider(plain)

    def _csv_cells(self, line: Line, plain: list[str]) -> list[str]:
        if line[1].count('"') % 2 == 0:  # nearly always a row of its own
            cells = self._parsed(line[1])
            if cells and self._fits(cells):
                return cells
        taken = [line]
        try:
            cells = self._record(taken)
            if self._swallows(taken, plain, cells):
                raise BadRowError("unclosed")
        except BadRowError as error:
            self._go_back(taken)
            # "진짜" 재밌다: a text that begins with a quotation
            if error.reason == "after_quote" and self._is_whole(plain) and line[1].count('"') % 2 == 0:
                return plain
            raise
        if len(taken) == 1 and not self._fits(cells):
            cells = self._parsed(line[1], spaces=True) or cells
        return self._not_wider(cells, len(taken))

    def _record(self, taken: list[Line]) -> list[str]:
        """The cells of the quoted record that begins with `taken`'s line; its other lines are added to it.

        Raises BadRowError: a quote that is never closed, or that closes with text behind it.
        """
        # What looks ahead in vain cost stays below a multiple of the file, so the whole stays linear.
        limit = LINE_LIMIT if self.in_vain <= 2 * self.read + LINE_LIMIT else WITHOUT_GAIN
        asked = False  # for more than there is

        def feed() -> Iterator[str]:
            nonlocal asked
            size = len(taken[0][1])
            yield taken[0][1] + "\n"
            for line in self.lines:
                taken.append(line)
                size += len(line[1])
                if size > limit:
                    break
                yield line[1] + "\n"
            asked = True

        try:
            return next(csv.reader(feed(), self.strict))
        except csv.Error:
            raise BadRowError("unclosed" if asked or len(taken) > 1 else "after_quote") from None

    def _go_back(self, taken: Sequence[Line]) -> None:
        self.lines.push_back(taken[1:])
        self.in_vain += sum(len(text) for _, text in taken)

    def _parsed(self, text: str, *, spaces: bool = False) -> list[str]:
        """The cells of a row in one line, `spaces`: with quotes behind a space, `1, "쉼표, 있음"`; empty
        where it is none."""
        try:
            cells = next(csv.reader([text], self.spaced if spaces else self.strict))
        except csv.Error:
            return []
        return cells if not spaces or self._is_whole(cells) else []

    def _not_wider(self, cells: list[str], lines: int = 1) -> list[str]:
        if not self._fits(cells):
            raise BadRowError("surplus", lines=lines, found=len(cells), wanted=self.width)
        return cells

    def _fits(self, cells: Sequence[str]) -> bool:
        """Whether the cells beyond the header's, if any, are empty."""
        if not self.width or len(cells) <= self.width:
            return True
        return not any(cell.strip() for cell in cells[self.width :])

    def _is_whole(self, cells: Sequence[str]) -> bool:
        return len(cells) >= self.width and self._fits(cells)

    def _swallows(self, taken: Sequence[Line], plain: Sequence[str], cells: Sequence[str]) -> bool:
        """Whether the lines of a record are rows of their own, as far as that can be told: nearly all are as
        wide as the header and hold what its columns hold (numbers that go up, a few labels). The lines of a
        text hardly ever do."""
        if len(taken) == 1 or len(plain) != self.width or len(self.recent) < 5:
            return False
        if self._fits(cells) and taken[-1][1].count(self.delimiter) != self.width - 1:
            return False
        return are_rows([text.split(self.delimiter) for _, text in taken], self.width, self.recent)


def are_rows(lines: Sequence[list[str]], width: int, recent: Sequence[list[str]]) -> bool:
    """Whether lines, cut into cells, are rows of a table: nearly all have its `width`, and some column goes
    on as in the `recent` rows, none otherwise."""
    rows = [cells for cells in lines if len(cells) == width]
    if len(rows) < MOST * len(lines):
        return False
    columns = range(min(map(len, recent)))
    known = [goes_on([row[i] for row in recent], [row[i] for row in rows]) for i in columns]
    return True in known and False not in known


def goes_on(before: Sequence[str], after: Sequence[str]) -> bool | None:
    """Whether a column goes on as it was, in numbers that go up or a few labels; None if it was neither."""
    if _rising(before) == 1:
        return _rising([before[-1], *after]) >= MOST
    labels = set(before)
    if 2 * len(labels) > len(before):
        return None
    return sum(value in labels for value in after) >= MOST * len(after)


def _rising(values: Sequence[str]) -> float:
    """The share of whole numbers that are larger than the one before; 0 where one is no number."""
    try:
        numbers = [int(value) for value in values]
    except ValueError:
        return 0
    return sum(a < b for a, b in pairwise(numbers)) / max(1, len(numbers) - 1)


def unquote(text: str) -> str:
    """Undo the quoting of a cell whose inner quotes are all doubled (NSMC was quoted twice)."""
    while text[:1] == text[-1:] == '"' and '""' in text[1:-1] and '"' not in text[1:-1].replace('""', ""):
        text = text[1:-1].replace('""', '"')
    return text
