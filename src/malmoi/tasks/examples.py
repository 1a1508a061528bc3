"""Labelled texts of one file, by column, with the line each came from.

Labels are stripped and NFC; what stands for "no label" is ''. Blank texts stay (a scorer must answer every
row; NSMC's test file has three). The caller drops both from training, and says so.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.progress import Reporter
from malmoi.tasks.first_row import check_first_row
from malmoi.tasks.invisible import is_seen, visible
from malmoi.tasks.table import Table, by_position, open_table, some_lines

Text = str | tuple[str, str]
Split = Literal["train", "dev", "test"]
MANY = 0.1  # of the rows: from here on what is blank (or cut) decides the score, and is a warning


@dataclass(frozen=True, slots=True)
class Examples:
    """N rows of one file: `texts[i]` (one, or two for a pair) has `labels[i]` and starts on `lines[i]`."""

    path: Path
    lines: list[int]
    texts: list[Text]
    labels: list[str]
    encoding: str = "utf-8"

    def __len__(self) -> int:
        return len(self.texts)

    def take(self, rows: Iterable[int]) -> Examples:
        chosen = list(rows)
        return Examples(
            self.path,
            [self.lines[i] for i in chosen],
            [self.texts[i] for i in chosen],
            [self.labels[i] for i in chosen],
            self.encoding,
        )

    def place(self, row: int) -> str:
        """`file:line` of a row."""
        return f"{self.path}:{self.lines[row]}"

    def blank(self) -> NDArray[np.bool_]:
        """(N,) whether a row has no text at all, or nothing of it can be seen."""
        return np.array([is_blank(text) for text in self.texts], dtype=np.bool_)


def is_blank(text: Text) -> bool:
    """Whether there is nothing to read: white space and invisible characters only."""
    parts = (text,) if isinstance(text, str) else text
    return not any(is_seen(character) for part in parts for character in part)


def normal(text: Text) -> str:
    """What counts as the same text: NFC without outer white space; a pair's two texts joined; '' if blank."""
    if isinstance(text, str):
        return composed(text).strip()
    joined = "\x1f".join(composed(part).strip() for part in text)
    return "" if joined == "\x1f" else joined


def tell_blank(reporter: Reporter, where: str, blank: int, rows: int) -> None:
    """Say how many rows are blank; warn (MM0640) where they are many."""
    if blank >= max(1, MANY * rows):
        reporter.warn(Code.BLANK_TEXTS, where, n=blank, total=rows)
    elif blank:
        reporter.say("tasks.blank", where=where, n=blank, total=rows)


def text_of(fields: Sequence[str], columns: Sequence[int]) -> Text:
    """One or two columns of a row as a text."""
    if len(columns) == 2:
        return fields[columns[0]], fields[columns[1]]
    return fields[columns[0]]


def read_examples(
    path: Path,
    text: Sequence[str],
    label: str,
    *,
    known: Sequence[str] = (),
    missing: Sequence[str] = (),
    quoted: bool | None = None,
) -> Examples:
    """Read text column(s) and the label column of a file.

    Args:
        text: one column, or two for a pair; a name, or `#2` for the second of a file without a header.
        known: the labels there may be; empty: whatever the file holds. None of them is ever missing.
        missing: what stands for "no label", compared as it is spelt.
        quoted: see `open_table`.

    Raises MalmoiError: those of `open_table`, `Table.places` and `check_first_row`, MM0604 (no rows), MM0609
    (no text anywhere), MM0633 (columns named and counted at once).
    """
    header = not by_position([*text, label], path)
    table: Table = open_table(path, quoted=quoted, header=header)
    columns, [label_column] = table.places(text), table.places([label], "--label")
    marks = set(missing) - set(known)
    lines: list[int] = []
    texts: list[Text] = []
    labels: list[str] = []
    for line, fields in table.rows():
        if any(fields):  # spreadsheets export trailing rows of bare commas
            value = composed(fields[label_column]).strip()
            lines.append(line)
            texts.append(text_of(fields, columns))
            labels.append(value if visible(value).strip() and value not in marks else "")
    if not lines:
        raise MalmoiError(Code.NO_ROWS_BELOW_HEADER, path)
    check_first_row(table, [*columns, label_column], texts, labels)
    if not any(not is_blank(value) for value in texts):
        raise MalmoiError(Code.COLUMN_WITHOUT_TEXT, path, column=", ".join(text))
    return Examples(path, lines, texts, labels, table.encoding)


def check_labels(examples: Examples, known: Sequence[str]) -> None:
    """Raise MM0607 for the first label that is not in a non-empty `known`."""
    allowed = set(known)
    if allowed and (strange := [i for i, value in enumerate(examples.labels) if value not in allowed]):
        first = strange[0]
        lines = some_lines([examples.lines[i] for i in strange])
        raise MalmoiError(
            Code.UNKNOWN_LABEL,
            examples.place(first),
            label=examples.labels[first],
            known=", ".join(known),
            lines=lines,
        )


def label_order(labels: Iterable[str]) -> tuple[str, ...]:
    """Distinct labels, numbers by value (so that 10 follows 9), else by character."""
    distinct = set(labels)
    if all(value.isdecimal() for value in distinct):
        return tuple(sorted(distinct, key=_by_value))
    return tuple(sorted(distinct))


def _by_value(digits: str) -> tuple[int, str, str]:
    """Sorts whole numbers of any length (`int` reads 4,300 digits)."""
    plain = "".join(str(unicodedata.decimal(digit)) for digit in digits).lstrip("0")
    return len(plain), plain, digits


def keyed_order(texts: Sequence[Text], key: str) -> list[int]:
    """Row numbers in an order given by (key, text) alone: same texts stand together."""
    hashes = [_hash(normal(text), key) for text in texts]
    return sorted(range(len(texts)), key=lambda i: (hashes[i], i))


def _hash(text: str, key: str) -> bytes:
    return blake2b(text.encode("utf-8", "surrogatepass"), key=key.encode(), digest_size=8).digest()


def split_dev(
    examples: Examples, share: float, key: str = "malmoi dev", *, strata: Sequence[str] | None = None
) -> tuple[Examples, Examples]:
    """Hold out about `share` of each label's rows: (training rows, held-out rows), both in file order.

    Rows are taken text by text in keyed order while the labels they bear still have room, so that a text
    which occurs twice never stands on both sides. `strata` replaces the labels (the tenths of a score).
    """
    labels = examples.labels if strata is None else strata
    room = {label: round(share * count) for label, count in _counts(labels).items()}
    order = keyed_order(examples.texts, key)
    held: set[int] = set()
    start = 0
    while start < len(order):
        same = normal(examples.texts[order[start]])
        stop = start + 1
        while stop < len(order) and normal(examples.texts[order[stop]]) == same:
            stop += 1
        group = order[start:stop]
        needs = _counts([labels[i] for i in group])
        if same and all(room[label] >= count for label, count in needs.items()):
            held.update(group)
            for label, count in needs.items():
                room[label] -= count
        start = stop
    return (
        examples.take(i for i in range(len(examples)) if i not in held),
        examples.take(i for i in range(len(examples)) if i in held),
    )


def _counts(labels: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for label in labels:
        counts[label] = counts.get(label, 0) + 1
    return counts
