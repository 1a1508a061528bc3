"""Rows of cells with a mark between them: csv and tsv."""

from __future__ import annotations

from functools import partial

from malmoi.codes import Code
from malmoi.readers.columns import TEXT_COLUMNS, clean_name
from malmoi.readers.delimited.strict import strict_rows
from malmoi.readers.delimited.tolerant import csv_rows, tsv_rows
from malmoi.readers.protocol import Reader


def names_columns(start: str, column: str | None) -> bool:
    """Whether a first line has tabs, and names a text (NSMC's .txt): by a usual name, or as it was asked."""
    first = start.lstrip("\ufeff\n").split("\n", 1)[0]
    names = [clean_name(name).lower() for name in first.split("\t")]
    return len(names) > 1 and (bool(column) or any(name in TEXT_COLUMNS for name in names))


CSV = Reader((".csv",), csv_rows, partial(strict_rows, ","), named=False, error=Code.BAD_QUOTES)
TSV = Reader(
    (".tsv", ".tab"),
    tsv_rows,
    partial(strict_rows, "\t"),
    named=False,
    starts=names_columns,
    error=Code.BAD_QUOTES,
)
