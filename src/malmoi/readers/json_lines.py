"""JSON lines in, texts out. A line can fail in more ways than by being no JSON, and each is a bad row: an
integer of more digits than Python reads, nesting deeper than it follows, a list, a key that stands twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from malmoi.readers.book import BadRowError, RowBook
from malmoi.readers.columns import NUMBER, clean_name, find_column, no_column, printable
from malmoi.readers.lines import Line


def parse_object(line: str) -> dict[str, Any]:
    """The JSON object that a line holds. Raises BadRowError for everything else."""
    try:
        value = json.loads(line.lstrip("\ufeff"))
    except json.JSONDecodeError as error:
        raise BadRowError("json", detail=f"{error.msg} ({error.colno})") from None
    except RecursionError:
        raise BadRowError("json_deep") from None
    except ValueError:  # more digits than sys.get_int_max_str_digits()
        raise BadRowError("json_number") from None
    if isinstance(value, list):
        raise BadRowError("json_list")
    if not isinstance(value, dict):
        raise BadRowError("json_object", kind=type(value).__name__)
    return value


def json_texts(lines: Iterator[Line], where: str, column: str | None, book: RowBook) -> Iterator[str]:
    """The text of each object; null is no text. The first object decides which key holds it.

    Raises MalmoiError: MM0107, MM0111 and MM0118 as `find_column`.
    """
    key = ""  # as the file writes it: NFC or not
    for number, line in lines:
        if not line.strip():
            continue
        try:
            row = parse_object(line)
            key = key or _text_key(row, column, where)
            text = _text(row, key, line)
        except BadRowError as error:
            book.bad(number, error.reason, **error.values)
            continue
        if text is not None:
            yield text


def _text_key(row: dict[str, Any], column: str | None, where: str) -> str:
    if column is not None and NUMBER.fullmatch(column):  # keys have no order
        raise no_column(column, list(row), where)
    return list(row)[find_column(list(row), column, where).index]


def _text(row: dict[str, Any], key: str, line: str) -> str | None:
    name = printable(key)
    if key not in row:
        key = next((other for other in row if clean_name(other) == clean_name(key)), key)
        if key not in row:
            raise BadRowError("no_key", column=name)
    value = row[key]
    if value is not None and not isinstance(value, str):
        raise BadRowError("no_text", column=name, kind=type(value).__name__)
    if line.count(f'"{key}"') > 1 and _stands_twice(line, key):
        raise BadRowError("key_twice", column=name)
    return value


def _stands_twice(line: str, key: str) -> bool:
    """In the object itself; a text or an inner object may well hold the word again."""
    outer: list[str] = []

    def keep(pairs: list[tuple[str, Any]]) -> None:
        outer[:] = [name for name, _ in pairs]  # the outer object is finished last

    json.loads(line.lstrip("\ufeff"), object_pairs_hook=keep)
    return outer.count(key) > 1
