"""Delimited text (csv, tsv, and the .txt that NSMC calls its tsv): how it is cut, and its records by line."""

from __future__ import annotations

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.corpus.inputs import COMPRESSED
from malmoi.errors import MalmoiError
from malmoi.messages import text
from malmoi.readers.decode import Decoded
from malmoi.readers.delimited import RECENT, are_rows

EXPECTED = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".txt": "\t"}
DELIMITERS = "\t,;|"
# 10 MB is not a row but an unclosed quote that has swallowed the rest of the file.
LINE_LIMIT = 10_000_000


@dataclass(frozen=True, slots=True)
class Cut:
    """How a file is cut into fields: by `delimiter`, and whether `"` wraps fields."""

    delimiter: str
    quoted: bool


def find_cut(path: Path, first: str, quoted: bool | None) -> Cut:
    """Delimiter and quoting of a file whose first line is `first`.

    Args:
        quoted: whether `"` wraps fields; None: always in files cut by commas, and in tab-separated files
            only where the tabs alone do not give every line the first one's number of fields (published
            Korean tsv files hold bare quotes: NSMC, KorNLI, KorSTS).
    """
    delimiter = _delimiter(path, first)
    if quoted is None:
        width = len(first.split(delimiter))
        plain = delimiter == "\t" and all(
            len(fields) == width for _, fields in records(path, Cut(delimiter, False))
        )
        quoted = not plain
    return Cut(delimiter, quoted)


def suffix_of(path: Path) -> str:
    """`.csv` of `reviews.csv` and of `reviews.csv.gz`, in lower case."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1] in COMPRESSED:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def _delimiter(path: Path, header: str) -> str:
    """By the file's name if the header holds it, else whichever cuts the header most often."""
    expected = EXPECTED.get(suffix_of(path), ",")
    if expected in header:
        return expected
    best = max(DELIMITERS, key=header.count)
    return best if best in header else expected


def records(path: Path, cut: Cut) -> Iterator[tuple[int, list[str]]]:
    """(line the record starts on, its fields); an empty line is no record, one of bare delimiters is.

    Raises MM0629 for a record whose quotes are not those of a csv, and those of `read_lines`.
    """
    csv.field_size_limit(LINE_LIMIT)
    taken: list[str] = []  # the lines of the record at hand
    recent: deque[list[str]] = deque(maxlen=RECENT)

    def feed() -> Iterator[str]:
        for one in read_lines(Decoded(path)):
            taken.append(one)
            yield one

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
            raise MalmoiError("MM0629", f"{path}:{line}", detail=_reason(error)) from None
        if fields is None:
            return
        if len(taken) > 1 and _swallows(
            [one.rstrip("\r\n").split(cut.delimiter) for one in taken], width, recent
        ):
            raise MalmoiError("MM0629", f"{path}:{line}", detail=text("corpus.row.unclosed"))
        if fields:
            if width:
                recent.append(fields)
            width = width or len(fields)
            yield line, fields


def _swallows(lines: Sequence[list[str]], width: int, recent: Sequence[list[str]]) -> bool:
    """Whether a record of several lines is rows of the table that a stray quote has taken in: the first line
    and the last are whole rows as they stand, and those between go on as the rows before."""
    ends = len(lines[0]) == len(lines[-1]) == width
    return ends and len(recent) >= 5 and are_rows(lines, width, recent)


def _reason(error: csv.Error) -> str:
    """What csv found wrong with a record, in the words of the corpus stage."""
    if "field larger" in str(error):
        return text("corpus.row.line_limit", limit=LINE_LIMIT)
    return text("corpus.row.after_quote" if "expected after" in str(error) else "corpus.row.unclosed")


def read_lines(decoded: Decoded) -> Iterator[str]:
    """Lines with their "\n", cut at line feeds only (texts hold U+2028 and form feeds).

    Raises MM0608 with the reason: no file, binary, unknown encoding, a damaged archive, an endless line.
    """
    held = ""
    for block in read_blocks(decoded):
        *lines, held = (held + block).split("\n")
        for line in lines:
            yield line + "\n"
        if len(held) > LINE_LIMIT:
            raise MalmoiError("MM0608", decoded.path, detail=text("corpus.row.line_limit", limit=LINE_LIMIT))
    if held:
        yield held


def read_blocks(decoded: Decoded) -> Iterator[str]:
    """The text in blocks. Raises MM0608 with the reason where it cannot be read, MM0645 where Korean was
    encoded twice."""
    try:
        yield from decoded
    except MalmoiError as error:
        if error.code == "MM0120":
            packed = decoded.path.suffix.lower() in COMPRESSED
            plain = decoded.path.with_suffix("") if packed else decoded.path
            whole = plain.with_stem(f"{plain.stem}-whole")
            raise MalmoiError(
                "MM0645", decoded.path, **error.values, file=decoded.path, whole=whole
            ) from None
        raise MalmoiError("MM0608", decoded.path, detail=error.what) from None
    except OSError as error:
        raise MalmoiError("MM0608", decoded.path, detail=error.strerror) from None
