"""Decoded text in, chunks of whole documents out: documents joined by DOC, lines by "\\n".

A chunk never ends inside a document, so slices may be cut between chunks. A document longer than MAX_DOCUMENT
characters is cut at a line (or else at a space): one endless line must not stall the work or fill the memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from malmoi.corpus.book import RowBook
from malmoi.corpus.texts import row_texts
from malmoi.readers import Reader

DOC = "\x1e"  # record separator; taken out of the input
CHUNK = 1 << 18
MAX_DOCUMENT = 1_000_000


def text_documents(blocks: Iterable[str], separator: str) -> Iterator[str]:
    """Documents of a .txt file. `separator` is blank_line, line or file; `<doc …>` tags always win."""
    held = ""
    wiki: bool | None = None
    for block in blocks:
        held += block.replace(DOC, " ") if DOC in block else block
        if wiki is None and held.strip():
            wiki = held.lstrip().startswith("<doc ")
        if len(held) < CHUNK:
            continue
        ready, newline, tail = held.rpartition("\n")
        if newline:
            *whole, last = _mark(ready, separator, bool(wiki)).rsplit(DOC, 1)
            held = f"{last}\n{tail}"
            yield from _cut(whole[0] if whole else "")
        while len(held) > 2 * MAX_DOCUMENT:
            end, start = _piece(held, 0)
            yield held[:end]
            held = held[start:]
    yield from _cut(_mark(held, separator, bool(wiki)))


def _mark(text: str, separator: str, wiki: bool) -> str:
    if wiki:
        return re.sub(r"</?doc\b[^\n]*(?:\n|$)", DOC, text)
    if separator == "line":
        return text.replace("\n", DOC)
    if separator == "file":
        return text
    if "\n " in text or "\n\t" in text or "\n\u3000" in text:
        text = re.sub(r"\n[ \t\u3000]+(?=\n)", "\n", text)
    return text.replace("\n\n", DOC)


def _cut(text: str) -> Iterator[str]:
    """The chunk itself, or pieces of it if one of its documents is too long."""
    if len(text) <= MAX_DOCUMENT:
        if text:
            yield text
        return
    for document in text.split(DOC):
        start = 0
        while len(document) - start > MAX_DOCUMENT:
            end, next_start = _piece(document, start)
            yield document[start:end]
            start = next_start
        if start < len(document):
            yield document[start:]


def _piece(text: str, start: int) -> tuple[int, int]:
    """Where the piece of MAX_DOCUMENT characters from `start` ends, at the last line end (or else space)
    before it, and where the next one starts."""
    for mark in ("\n", " "):
        if (at := text.rfind(mark, start + MAX_DOCUMENT // 2, start + MAX_DOCUMENT)) > 0:
            return at, at + 1
    return start + MAX_DOCUMENT, start + MAX_DOCUMENT


def row_documents(
    blocks: Iterable[str], where: str, reader: Reader, column: str | None, book: RowBook
) -> Iterator[str]:
    """Documents of a file of rows: one per row. Bad rows, repeated headers and short rows are
    recorded.

    Raises MalmoiError: no column with a usual name (MM0107), the column asked for is not there (MM0111) or
    there twice (MM0118).
    """
    texts: list[str] = []
    size = 0
    for text in row_texts(reader.rows(blocks, book.bad), reader.named, where, column, book):
        if DOC in text:
            text = text.replace(DOC, " ")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        texts.append(text)
        size += len(text)
        if size >= CHUNK:
            yield from _cut(DOC.join(texts))
            texts, size = [], 0
    yield from _cut(DOC.join(texts))
