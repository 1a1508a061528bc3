"""Which reader a file is for: by its name (packed or not), else by how it starts."""

from __future__ import annotations

from pathlib import Path

from malmoi.readers import READERS, Reader
from malmoi.readers.inflate import MAGIC

PLAIN_SUFFIX = ".txt"


def suffix_of(path: Path) -> str:
    """`.csv` of `reviews.csv` and of `reviews.csv.gz`, in lower case."""
    suffixes = [suffix.lower() for suffix in path.suffixes]
    if suffixes and suffixes[-1][1:] in MAGIC:
        suffixes.pop()
    return suffixes[-1] if suffixes else ""


def format_of(suffix: str) -> str | None:
    """The key in `READERS` of files of this name."""
    return next((name for name, reader in READERS.items() if suffix in reader.suffixes), None)


def format_seen(start: str, column: str | None) -> str | None:
    """The key in `READERS` of what a file of plain text really is, by its first block."""
    return next((name for name, reader in READERS.items() if reader.starts(start, column)), None)


def table_reader(path: Path, start: str) -> Reader:
    """The reader of a file that is a table in any case, whose text starts so: by its name, unless it starts
    with names and values whatever it is called; else cells, by tabs in a .txt."""
    name = format_of(suffix_of(path))
    if name is not None and READERS[name].named:
        return READERS[name]
    for reader in READERS.values():
        if reader.named and reader.starts(start, None):
            return reader
    return READERS[name or ("tsv" if suffix_of(path) == PLAIN_SUFFIX else "csv")]
