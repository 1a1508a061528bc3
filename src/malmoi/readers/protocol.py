"""What a format is to those who read it: which files are of it, and their rows with the lines they start in.

A reader decides nothing about a row that is not what its format says: it reports the row and, where the
caller lets it, goes on with the next one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from malmoi.codes import Code

Row = tuple[int, Any]
"""The line (1-based) a row starts in, and its fields: `Pairs` where they have names, else a `list[str]`."""


class Pairs(list[tuple[str, Any]]):
    """Names with their values in the order of the file: a dict would forget a name that appears twice."""


class Fault(Protocol):
    """What a reader calls for a row that starts in `line` and costs so many `lines`. `reason` is a key below
    `readers.row` in the messages. It raises, or books the row and returns. Line 0: the file as a whole."""

    def __call__(self, line: int, reason: str, *, lines: int = 1, **values: Any) -> None: ...


class BadRowError(Exception):
    """For readers among themselves: the arguments of a `Fault` but the line."""

    def __init__(self, reason: str, *, lines: int = 1, **values: Any) -> None:
        super().__init__(reason)
        self.reason, self.lines, self.values = reason, lines, values


def never(start: str, column: str | None) -> bool:
    """Known by its name alone."""
    return False


@dataclass(frozen=True, slots=True)
class Reader:
    """One format.

    Attributes:
        suffixes: of its files' names, `(".csv",)`; a file may be packed besides (`.csv.gz`).
        rows: (text in blocks, fault) → rows. What comes of a bad row must not harm the next ones.
        strict: (text in blocks, as often as it is asked for; fault; whether `"` wraps fields, None: found
            out) → rows, where one row misread would be one too many: labelled files. None: as `rows`.
        named: whether each row names its values; else the first one names the columns, or is a row itself.
        starts: (first block, column asked for) → whether a file of another name is of this format after all.
        error: code of the error for a bad row of a labelled file; it has a `detail`.
    """

    suffixes: tuple[str, ...]
    rows: Callable[[Iterable[str], Fault], Iterator[Row]]
    strict: Callable[[Iterable[str], Fault, bool | None], Iterator[Row]] | None = None
    named: bool = True
    starts: Callable[[str, str | None], bool] = never
    error: str = Code.TASK_ROW_UNREADABLE

    def strict_rows(self, text: Iterable[str], fault: Fault, quoted: bool | None = None) -> Iterator[Row]:
        return self.strict(text, fault, quoted) if self.strict else self.rows(text, fault)
