"""Which column of a table, or key of a JSON object, holds the text.

Names are compared after NFC: macOS writes 본문 as nine letters that look the same.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.messages import text
from malmoi.nearest import nearest

TEXT_COLUMNS = (
    *("text", "document", "content", "contents", "sentence", "body", "comments", "comment", "review"),
    *("본문", "내용", "문장", "텍스트", "글", "댓글", "리뷰"),
)
NUMBER = re.compile(r"#[1-9]\d*")
SHOWN_CHARS, SHOWN_NAMES = 24, 20  # of a first line that is no header but a text


@dataclass(frozen=True, slots=True)
class Column:
    """`named` is False where it was asked for by number and the first row is data."""

    index: int
    named: bool


def clean_name(name: str) -> str:
    return composed(name).strip().strip('"').lstrip("\ufeff").strip()


def find_column(header: Sequence[str], column: str | None, where: str) -> Column:
    """The text column: by name, by number ('#2': the second, of a file without a header), or the usual ones.

    Raises MalmoiError: no column with a usual name (MM0107), the one asked for is not there (MM0111) or there
    twice (MM0118).
    """
    names = [clean_name(name) for name in header]
    if column is not None and NUMBER.fullmatch(column):
        index = int(column[1:]) - 1
        return Column(index, index < len(names) and names[index].lower() in TEXT_COLUMNS)
    lowered = [name.lower() for name in names]
    if column is not None:
        wanted, among = clean_name(column), names
        if wanted not in names:
            raise no_column(column, names, where)
    else:
        among = lowered
        wanted = next((usual for usual in TEXT_COLUMNS if usual in lowered), "")
        if not wanted:
            raise MalmoiError(Code.NO_TEXT_COLUMN, where, columns=shown_names(names), file=where)
    if among.count(wanted) > 1:
        raise MalmoiError(Code.COLUMN_TWICE, where, column=wanted, number=among.index(wanted) + 1)
    return Column(among.index(wanted), True)


def no_column(column: str, names: Sequence[str], where: str) -> MalmoiError:
    near = nearest(clean_name(column), names)
    wanted = printable(near) if near else text("corpus.column")
    return MalmoiError(Code.COLUMN_MISSING, where, column=column, columns=shown_names(names), near=wanted)


def shown_names(names: Sequence[str]) -> str:
    """A list for an error: short, printable, even where the first line is no header but texts."""
    short = [n if len(n) <= SHOWN_CHARS else n[:SHOWN_CHARS] + "…" for n in map(printable, names)]
    return ", ".join(short[:SHOWN_NAMES]) + (", …" if len(short) > SHOWN_NAMES else "")


def printable(text: str) -> str:
    """Without half surrogate pairs, which JSON may hold and no terminal or file takes."""
    return text.encode("utf-8", "replace").decode()
