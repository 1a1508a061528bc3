"""Rows, the atom of pretraining: a fixed budget of tokens, filled sentence by sentence.

`RowTable` cuts every part of the shards into rows once per row length and keeps the table on disk, memory
mapped. A row holds one or more sequences, each from one document, each with its own [CLS] and [SEP].
"""

from __future__ import annotations

import shutil
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.artifact import disk_errors, record_file, sync_tree, write_json
from malmoi.errors import MalmoiError
from malmoi.json_files import read_json, reason
from malmoi.progress import SILENT, Reporter
from malmoi.shards.format import Part

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
ARRAYS = ("starts", "lengths", "rows")
DIGESTS = "digests.json"


def cut_rows(sentences: I64, documents: I64, row_len: int) -> tuple[I64, I32, I64]:
    """Cut a part into rows of at most `row_len` tokens.

    A sequence takes whole sentences while they fit. If that leaves at most an eighth of the row empty, the
    next sentence starts a new row; otherwise it is cut (measured on Wikipedia: 97 % of each row is real text;
    whole sentences only would give 90 %). The rest of a row goes to the next document if an eighth is free.

    Returns: start token of each sequence (S,), its length without specials (S,), and the first sequence of
    each row plus a sentinel (R + 1,).
    """
    slack = row_len // 8
    bounds: list[int] = sentences.tolist()
    ends: list[int] = documents.tolist()
    starts: list[int] = []
    lengths: list[int] = []
    rows = [0]
    used = 0
    for document, document_end in pairwise(ends):
        at = document
        while at < document_end:
            space = row_len - used - 2
            if used and space < min(max(slack, 1), document_end - at):
                rows.append(len(starts))
                used = 0
                continue
            end = min(at + space, document_end)
            if end < document_end:
                sentence = bounds[bisect_right(bounds, end) - 1]
                if sentence > at and end - sentence <= slack:
                    end = sentence
            starts.append(at)
            lengths.append(end - at)
            used += end - at + 2
            at = end
    if used:
        rows.append(len(starts))
    return np.array(starts, np.int64), np.array(lengths, np.int32), np.array(rows, np.int64)


@dataclass(frozen=True)
class RowBlock:
    """Some rows of a table, filled in. R rows of L tokens."""

    ids_RL: I64
    positions_RL: I64
    segments_RL: I64
    lengths_R: I64  # real tokens of each row, specials included
    sequences: list[list[int]]  # per row: the length of each of its sequences, specials included
    most: int  # sequences a row of this table can hold
    middles: list[list[int]]  # per sequence: tokens before the sentence that begins nearest its middle, or 0


class RowTable:
    """All rows of some parts at one row length; row r is the r-th in the order of the text."""

    def __init__(self, parts: Sequence[Part], tables: Sequence[tuple[I64, I32, I64]], row_len: int) -> None:
        self.parts = parts
        self.tables = tables
        self.row_len = row_len
        self.first_row = np.cumsum([0, *(len(rows) - 1 for _, _, rows in tables)])
        self.rows = int(self.first_row[-1])
        self.most = max((_most(rows) for _, _, rows in tables), default=1)

    @classmethod
    def open(cls, parts: Sequence[Part], row_len: int, folder: Path, reporter: Reporter = SILENT) -> RowTable:
        """Open the table in `folder`, cutting the parts that are not there yet, or not as they were written.

        Raises MM0501 if empty; warns MM0033 of a damaged one that is made again.
        """
        tables = []
        for part in parts:
            place = folder / part.name
            if (fault := table_fault(place)) is not None:
                if (place / DIGESTS).exists():
                    reporter.warn("MM0033", str(place), reason=fault)
                _write(place, cut_rows(part.sentences, part.documents, row_len))
            starts, lengths, rows = (
                np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS
            )
            tables.append((starts, lengths, rows))
        table = cls(parts, tables, row_len)
        if table.rows == 0:
            raise MalmoiError("MM0501", folder, row_len=row_len)
        return table

    def fill(self, rows_R: I64, cls_id: int, sep_id: int, pad_id: int) -> RowBlock:
        """Lay out the given rows: [CLS] text [SEP] for each sequence, padding at the tail of the row."""
        count, row_len = len(rows_R), self.row_len
        ids = np.full((count, row_len), pad_id, np.int64)
        positions = np.zeros((count, row_len), np.int64)
        sequences: list[list[int]] = []
        middles: list[list[int]] = []
        ramp = np.arange(row_len)
        which = np.searchsorted(self.first_row, rows_R, side="right") - 1
        for r, (row, p) in enumerate(zip(rows_R.tolist(), which.tolist(), strict=True)):
            starts, lengths, firsts = self.tables[p]
            local = row - int(self.first_row[p])
            at, found, cuts = 0, [], []
            for s in range(int(firsts[local]), int(firsts[local + 1])):
                start, length = int(starts[s]), int(lengths[s])
                ids[r, at] = cls_id
                ids[r, at + 1 : at + 1 + length] = self.parts[p].ids[start : start + length]
                ids[r, at + 1 + length] = sep_id
                positions[r, at : at + length + 2] = ramp[: length + 2]
                at += length + 2
                found.append(length + 2)
                cuts.append(_middle(self.parts[p].sentences, start, length))
            positions[r, at:] = ramp[: row_len - at]
            sequences.append(found)
            middles.append(cuts)
        totals = np.array([sum(s) for s in sequences])
        return RowBlock(ids, positions, np.zeros_like(ids), totals, sequences, self.most, middles)

    def source(self, row: int) -> str:
        """Where a row's text lies: part name and token range."""
        p = int(np.searchsorted(self.first_row, row, side="right")) - 1
        starts, lengths, firsts = self.tables[p]
        local = row - int(self.first_row[p])
        first, last = int(firsts[local]), int(firsts[local + 1]) - 1
        return f"{self.parts[p].name}[{int(starts[first])}:{int(starts[last]) + int(lengths[last])}]"


def _most(rows: I64, at_once: int = 1 << 20) -> int:
    """The most sequences any row has; read piece by piece, for tables of a large corpus."""
    pieces = range(0, len(rows) - 1, at_once)
    return max((int(np.diff(rows[i : i + at_once + 1]).max()) for i in pieces), default=1)


def _middle(sentences: I64, start: int, length: int) -> int:
    """Where in `length` tokens from `start` a sentence begins, nearest the middle; 0 where none does."""
    at = int(np.searchsorted(sentences, start + length // 2))
    inside = [int(s) - start for s in sentences[max(0, at - 1) : at + 1] if start < s < start + length - 1]
    return min(inside, key=lambda s: abs(s - length // 2), default=0)


def table_fault(place: Path) -> str | None:
    """Why the table of one part cannot be trusted, or None. Its arrays are read whole each time: a hundredth
    of the cost of cutting them (.17 bytes a token in rows of 128), and a flipped bit would train another
    model without a word."""
    try:
        wanted = read_json(place / DIGESTS)
        for name in ARRAYS:
            if record_file(place / f"{name}.npy").sha256 != wanted[f"{name}.npy"]:
                return f"{name}.npy: SHA-256"
    except (OSError, ValueError, KeyError, TypeError) as error:
        return reason(error)
    return None


def _write(place: Path, table: tuple[I64, I32, I64]) -> None:
    draft = place.with_name(place.name + ".tmp")
    with disk_errors(place):
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        arrays: tuple[NDArray[Any], ...] = table
        digests = {}
        for name, array in zip(ARRAYS, arrays, strict=True):
            np.save(draft / f"{name}.npy", array, allow_pickle=False)
            digests[f"{name}.npy"] = record_file(draft / f"{name}.npy").sha256
        write_json(draft / DIGESTS, digests)
        sync_tree(draft)
        if place.exists():
            shutil.rmtree(place)
        draft.rename(place)
