"""Whether the first row of a file is a row or names the columns: mistaken, it is lost or learned."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.readers.columns import TEXT_COLUMNS
from malmoi.tasks.table import Table

LABEL_COLUMNS = (
    *("label", "labels", "class", "category", "score", "rating", "target", "sentiment", "gold_label"),
    *("라벨", "레이블", "분류", "범주", "감정", "점수", "별점", "평점", "정답"),
)


def check_first_row(
    table: Table, columns: Sequence[int], texts: Sequence[str | tuple[str, str]], labels: Sequence[str]
) -> None:
    """Look at the first row of a file beside the others, where rows do not name their values.

    Args:
        columns: places of the text column(s) and, last, of the label's.

    Raises MM0634 where the name of the label's column is also a label, and is a number or stands beside a
    text: a file without a header, whose first row would be lost. (Beside a plain word it may be a name: one
    column of the Korean hate speech data is called hate, and so is one of its labels.) Raises MM0635 where
    columns are counted and the first row seems to name them: its label is on no other row, and is a usual
    name of a label's column or the only one that comes once.
    """
    if table.reader.named:
        return
    if table.header:
        name = table.columns[columns[-1]]
        shared = labels.count(name)
        beside = [table.columns[place] for place in columns[:-1]]
        if shared and not _numbered(table.columns) and _are_data(beside, name):
            counted = [f"#{place + 1}" for place in columns]
            where = f"{table.path}:1"
            raise MalmoiError(
                Code.FIRST_LINE_IS_A_ROW,
                where,
                label=name,
                n=shared,
                text=",".join(counted[:-1]),
                place=counted[-1],
            )
        return
    counts = Counter(labels)
    first = labels[0]
    if first and counts[first] == 1 and len(counts) > 1:
        usual = first.casefold() in LABEL_COLUMNS or str(texts[0]).strip().casefold() in TEXT_COLUMNS
        alone = all(count > 1 for label, count in counts.items() if label != first)
        if usual or (alone and not any(c.isdigit() for c in first)):
            text = texts[0] if isinstance(texts[0], str) else ",".join(texts[0])
            raise MalmoiError(Code.FIRST_LINE_IS_A_HEADER, f"{table.path}:1", text=text[:60], label=first)


def _are_data(texts: Sequence[str], label: str) -> bool:
    """Whether cells of a first line, of which the label's is a label, are those of a row."""
    if any(name.casefold() in TEXT_COLUMNS for name in texts):
        return False
    return not any(c.isalpha() for c in label) or any(len(name.split()) > 1 for name in texts)


def _numbered(columns: Sequence[str]) -> bool:
    """0, 1, 2, …: the names pandas writes for columns without one."""
    names = [name for name in columns if name]
    return names == [str(n) for n in range(len(names))]
