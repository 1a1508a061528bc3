"""Decoded text in, chunks of whole documents out: documents joined by DOC, lines by "\\n".

A chunk never ends inside a document, so slices may be cut between chunks. A document longer than
MAX_DOCUMENT characters is cut at a line (else a space): one endless line must not stall or fill the memory.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from malmoi.errors import MalmoiError

DOC = "\x1e"  # record separator; taken out of the input
CHUNK = 1 << 18
MAX_DOCUMENT = 1_000_000
TEXT_COLUMNS = (
    *("text", "document", "content", "contents", "sentence", "body", "comments", "comment", "review"),
    *("본문", "내용", "문장", "텍스트", "글", "댓글", "리뷰"),
)
BadRow = Callable[[int, str], None]
"""Called with the line number (1-based) and what is wrong; raises, or returns to have the row skipped."""


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
            piece, held = _piece(held)
            yield piece
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
    """The chunk itself, or in pieces where one of its documents is too long."""
    if len(text) <= MAX_DOCUMENT:
        if text:
            yield text
        return
    for document in text.split(DOC):
        while len(document) > MAX_DOCUMENT:
            piece, document = _piece(document)
            yield piece
        if document:
            yield document


def _piece(text: str) -> tuple[str, str]:
    """The first MAX_DOCUMENT characters, back to the last line end (else space), and the rest."""
    for mark in ("\n", " "):
        if (at := text.rfind(mark, MAX_DOCUMENT // 2, MAX_DOCUMENT)) > 0:
            return text[:at], text[at + 1 :]
    return text[:MAX_DOCUMENT], text[MAX_DOCUMENT:]


def sniff_rows(block: str, column: str | None) -> str:
    """What a .txt really is: tsv or jsonl if its first line shows it (NSMC's files), else txt."""
    first = block.lstrip("\ufeff\n").split("\n", 1)[0]
    names = [name.strip().lower() for name in first.split("\t")]
    if len(names) > 1 and (column or any(name in TEXT_COLUMNS for name in names)):
        return "tsv"
    if first.startswith("{") and first.rstrip().endswith("}"):
        try:
            return "jsonl" if isinstance(json.loads(first), dict) else "txt"
        except json.JSONDecodeError:
            return "txt"
    return "txt"


def row_documents(
    blocks: Iterable[str], where: str, kind: str, column: str | None, bad: BadRow
) -> Iterator[str]:
    """Documents of a csv, tsv or jsonl file (`where` in errors): the text column of each row.

    Raises MalmoiError: no column with a usual name (MM0107), the column asked for is not there (MM0111).
    """
    readers = {"csv": _csv, "tsv": _tsv, "jsonl": _jsonl}
    texts: list[str] = []
    size = 0
    for text in readers[kind](_lines(blocks), where, column, bad):
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


def _lines(blocks: Iterable[str]) -> Iterator[str]:
    held = ""
    for block in blocks:
        *lines, held = (held + block).split("\n")
        yield from lines
    if held:
        yield held


def _csv(lines: Iterator[str], where: str, column: str | None, bad: BadRow) -> Iterator[str]:
    csv.field_size_limit(1 << 30)
    first = next((line for line in lines if line.strip()), "")
    if not first:
        return
    delimiter = max(",;\t", key=first.count)  # spreadsheets of some locales write ; or tabs into .csv
    reader = csv.reader(_again(first, lines), delimiter=delimiter)
    try:
        header = next(reader, [])
        index, named = find_column(header, column, where)
        if not named and len(header) > index:
            yield header[index]
        for row in reader:
            if len(row) > index and len(row[index]) <= MAX_DOCUMENT:
                yield row[index]
            elif row:  # a quote that is never closed swallows the rest of the file into one cell
                bad(reader.line_num, f"{len(row)} < {index + 1}" if len(row) <= index else '"')
    except csv.Error as error:
        bad(reader.line_num, str(error))


def _again(first: str, lines: Iterator[str]) -> Iterator[str]:
    yield first + "\n"
    for line in lines:
        yield line + "\n"


def _tsv(lines: Iterator[str], where: str, column: str | None, bad: BadRow) -> Iterator[str]:
    """Tab-separated without quoting: NSMC and its like hold bare quotes that would swallow rows."""
    index = -1
    for number, line in enumerate(lines, 1):
        if not line:
            continue
        row = line.split("\t")
        if index < 0:
            index, named = find_column(row, column, where)
            if named:
                continue
        if len(row) <= index:
            bad(number, f"{len(row)} < {index + 1}")
            continue
        yield unquote(row[index])


def unquote(text: str) -> str:
    """Undo the quoting of a cell whose inner quotes are all doubled (NSMC was quoted twice)."""
    while text[:1] == text[-1:] == '"' and '""' in text[1:-1] and '"' not in text[1:-1].replace('""', ""):
        text = text[1:-1].replace('""', '"')
    return text


def _jsonl(lines: Iterator[str], where: str, column: str | None, bad: BadRow) -> Iterator[str]:
    found = False
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (json.JSONDecodeError, RecursionError) as error:
            bad(number, str(error))
            continue
        if not isinstance(row, dict):
            bad(number, type(row).__name__)
            continue
        if not found:
            names = list(row)
            if column is None:
                column = names[find_column(names, None, where)[0]]
            elif column not in row:
                raise MalmoiError("MM0111", where, column=column, columns=", ".join(names))
            found = True
        text = row.get(column)
        if isinstance(text, str):
            yield text
        elif text is not None or column not in row:
            bad(number, f"{column}: {type(text).__name__}")


def find_column(header: Sequence[str], column: str | None, where: str) -> tuple[int, bool]:
    """Index of the text column, and whether the header named it ('#2': no header, second column)."""
    names = [name.strip().strip('"').lstrip("\ufeff") for name in header]
    if column is not None:
        if re.fullmatch(r"#[1-9]\d*", column):
            return int(column[1:]) - 1, False
        if column in names:
            return names.index(column), True
        raise MalmoiError("MM0111", where, column=column, columns=", ".join(names))
    lowered = [name.lower() for name in names]
    for usual in TEXT_COLUMNS:
        if usual in lowered:
            return lowered.index(usual), True
    raise MalmoiError("MM0107", where, columns=", ".join(names), file=where)
