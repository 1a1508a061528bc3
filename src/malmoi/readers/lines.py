"""Blocks of text in, numbered lines out, in time linear in the text and memory that has a bound."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence

from malmoi.readers.protocol import Fault

LINE_LIMIT = 16_000_000  # characters; the longest Korean novels have 5 to 7 million

Line = tuple[int, str]
"""Number (1-based) and text without its "\\n"."""


def numbered_lines(blocks: Iterable[str], fault: Fault, limit: int = LINE_LIMIT) -> Iterator[Line]:
    """Lines cut at line feeds only (texts hold U+2028 and form feeds). One over `limit` is a fault and passed
    over without being held."""
    number, held, size = 1, list[str](), 0

    def take(piece: str) -> None:
        nonlocal size
        if size <= limit < size + len(piece):
            fault(number, "line_limit", limit=limit)
            held.clear()
        size += len(piece)
        if size <= limit:
            held.append(piece)

    for block in blocks:
        first, *rest = block.split("\n")
        take(first)
        if not rest:
            continue
        if size <= limit:
            yield number, "".join(held)
        *whole, last = rest
        for line in whole:
            number += 1
            yield number, line
        number, size = number + 1, 0
        held.clear()
        take(last)
    if 0 < size <= limit:
        yield number, "".join(held)


class Rewindable:
    """An iterator of lines that takes lines back."""

    def __init__(self, lines: Iterator[Line]) -> None:
        self._lines, self._back = lines, deque[Line]()

    def __iter__(self) -> Iterator[Line]:
        return self

    def __next__(self) -> Line:
        return self._back.popleft() if self._back else next(self._lines)

    def push_back(self, lines: Sequence[Line]) -> None:
        """Read `lines` again, before all others."""
        self._back.extendleft(reversed(lines))
