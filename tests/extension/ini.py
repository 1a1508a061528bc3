"""A reader of `.ini` files: a row a section, with its `key = value` lines, and what the section is called."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from malmoi.readers import Fault, Pairs, Reader, Row
from malmoi.readers.lines import numbered_lines


def ini_rows(blocks: Iterable[str], fault: Fault) -> Iterator[Row]:
    start, pairs = 0, Pairs()
    for number, line in numbered_lines(blocks, fault):
        line = line.strip()
        key, equals, value = map(str.strip, line.partition("="))
        if line.startswith("[") and line.endswith("]"):
            if pairs:
                yield start, pairs
            start, pairs = number, Pairs([("section", line[1:-1])])
        elif pairs and equals:
            pairs.append((key, value))
        elif line and not line.startswith((";", "#")):
            fault(number, "said", detail="neither [section] nor key = value")
    if pairs:
        yield start, pairs


INI = Reader((".ini",), ini_rows)
