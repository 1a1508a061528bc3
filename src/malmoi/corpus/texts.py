"""Rows in, texts out: which cell or value of a row is the text, and what turns out not to be text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from malmoi.corpus.book import RowBook
from malmoi.readers import Pairs, Row
from malmoi.readers.columns import (
    NUMBER,
    Column,
    clean_name,
    find_column,
    no_column,
    printable,
)
from malmoi.readers.protocol import BadRowError

NAME_CHARS = 100  # a longer text is not a column's name


def row_texts(
    rows: Iterable[Row], named: bool, where: str, column: str | None, book: RowBook
) -> Iterator[str]:
    """The text of each row. Rows without it are booked.

    Raises MalmoiError: MM0107, MM0111 and MM0118 as `find_column`.
    """
    return (_named_texts if named else _cell_texts)(rows, where, column, book)


def _cell_texts(rows: Iterable[Row], where: str, column: str | None, book: RowBook) -> Iterator[str]:
    """The text column's cells. Where the header comes again it is no text (files were joined), and its order
    of columns holds from there."""
    header: set[str] = set()
    found: Column | None = None
    name = ""
    width = 0
    for number, cells in rows:
        if found is None:
            width = len(cells)
            found = find_column(cells, column, where)
            if found.named:
                header, name = _names(cells), _plain(cells[found.index])
                continue
        if len(cells) <= found.index:
            book.bad(number, "fewer", found=len(cells), wanted=found.index + 1)
            continue
        text = cells[found.index]
        if header and len(text) < NAME_CHARS and _plain(text) in header and _names(cells) == header:
            book.note("headers_again", number)
            found = Column(list(map(_plain, cells)).index(name), True)
            continue
        if len(cells) < width:
            book.note("short_rows", number)
        yield text


def _names(cells: Sequence[str]) -> set[str]:
    return set(map(_plain, cells))


def _plain(name: str) -> str:
    return clean_name(name).casefold()


def _named_texts(rows: Iterable[Row], where: str, column: str | None, book: RowBook) -> Iterator[str]:
    """The value of one name; null is not text. The first row decides which name has it."""
    key = ""  # as the file writes it: NFC or not
    for number, pairs in rows:
        key = key or _text_key(pairs, column, where)
        try:
            text = _text(pairs, key)
        except BadRowError as error:
            book.bad(number, error.reason, **error.values)
            continue
        if text is not None:
            yield text


def _text_key(pairs: Pairs, column: str | None, where: str) -> str:
    names = list(dict(pairs))
    if column is not None and NUMBER.fullmatch(column):  # names have no order
        raise no_column(column, names, where)
    return names[find_column(names, column, where).index]


def _text(pairs: Pairs, key: str) -> str | None:
    name = printable(key)
    values = [value for other, value in pairs if other == key]
    if not values:
        wanted = clean_name(key)
        key = next((other for other, _ in pairs if clean_name(other) == wanted), key)
        values = [value for other, value in pairs if other == key]
        if not values:
            raise BadRowError("no_key", column=name)
    value = values[-1]
    if value is not None and not isinstance(value, str):
        kind = "dict" if isinstance(value, Pairs) else type(value).__name__
        raise BadRowError("no_text", column=name, kind=kind)
    if len(values) > 1:
        raise BadRowError("key_twice", column=name)
    return value
