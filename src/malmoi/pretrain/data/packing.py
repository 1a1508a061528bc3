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

from malmoi.artifact.disk import disk_errors, sync_tree, write_json
from malmoi.artifact.finished import record_file
from malmoi.codes import Code
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
    flags_RL: NDArray[np.uint8]  # where words and morphemes start (`shards.part`); 0 for specials, padding


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
                    reporter.warn(Code.ROW_TABLE_DAMAGED, str(place), reason=fault)
                _write(place, cut_rows(part.sentences, part.documents, row_len))
            starts, lengths, rows = (
                np.load(place / f"{name}.npy", mmap_mode="r", allow_pickle=False) for name in ARRAYS
            )
            tables.append((starts, lengths, rows))
        table = cls(parts, tables, row_len)
        if table.rows == 0:
            raise MalmoiError(Code.NO_ROWS, folder, row_len=row_len)
        return table

    def fill(self, rows_R: I64, cls_id: int, sep_id: int, pad_id: int) -> RowBlock:
        """Lay out the given rows: [CLS] text [SEP] for each sequence, padding at the tail of the row."""
        R, L = len(rows_R), self.row_len
        parts_R = np.searchsorted(self.first_row, rows_R, side="right") - 1
        order_R = np.argsort(parts_R, kind="stable")  # sequences are gathered part by part
        found = [
            self._sequences(int(p), rows_R[order_R[parts_R[order_R] == p]] - self.first_row[p])
            for p in np.unique(parts_R)
        ]
        counts_R, lengths_S, middles_S, text_N, flags_N = (
            np.concatenate(one) for one in zip(*found, strict=True)
        )
        long_S = lengths_S + 2
        before_S = np.cumsum(long_S) - long_S
        first_R = np.cumsum(counts_R) - counts_R
        columns_S = before_S - np.repeat(before_S[first_R], counts_R)
        places_S = np.repeat(order_R, counts_R) * L + columns_S
        totals_R = np.empty(R, np.int64)
        totals_R[order_R] = np.add.reduceat(long_S, first_R)

        ids_F = np.full(R * L, pad_id, np.int64)
        ids_F[places_S] = cls_id
        places_N = _ranges(places_S + 1, lengths_S)
        ids_F[places_N] = text_N
        ids_F[places_S + long_S - 1] = sep_id
        flags_F = np.zeros(R * L, np.uint8)
        flags_F[places_N] = flags_N
        begun_RL = np.zeros((R, L), np.int64)  # the column in which a token's sequence, or the tail, begins
        begun_RL.ravel()[places_S] = columns_S
        tails = np.flatnonzero(totals_R < L)
        begun_RL[tails, totals_R[tails]] = totals_R[tails]
        positions_RL = np.arange(L) - np.maximum.accumulate(begun_RL, axis=1)

        sequences: list[list[int]] = [[]] * R
        middles: list[list[int]] = [[]] * R
        lengths, cuts = long_S.tolist(), middles_S.tolist()
        for r, at, count in zip(order_R.tolist(), first_R.tolist(), counts_R.tolist(), strict=True):
            sequences[r], middles[r] = lengths[at : at + count], cuts[at : at + count]
        ids_RL = ids_F.reshape(R, L)
        return RowBlock(
            ids_RL,
            positions_RL,
            np.zeros_like(ids_RL),
            totals_R,
            sequences,
            self.most,
            middles,
            flags_F.reshape(R, L),
        )

    def _sequences(
        self, p: int, rows_R: I64
    ) -> tuple[I64, I64, I64, NDArray[np.unsignedinteger], NDArray[np.uint8]]:
        """Of rows of part `p`: how many sequences each has, their lengths, middles, tokens and flags."""
        starts, lengths, firsts = self.tables[p]
        counts_R = firsts[rows_R + 1] - firsts[rows_R]
        chosen_S = _ranges(firsts[rows_R], counts_R)
        starts_S, lengths_S = starts[chosen_S], lengths[chosen_S].astype(np.int64)
        middles_S = _middles(self.parts[p].sentences, starts_S, lengths_S)
        tokens_N = _ranges(starts_S, lengths_S)
        part = self.parts[p]
        return counts_R, lengths_S, middles_S, part.ids[tokens_N], part.flags[tokens_N]

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


def _ranges(starts_S: I64, lengths_S: I64) -> I64:
    """`range(start, start + length)` of each, one after the other."""
    ends_S = np.cumsum(lengths_S)
    return np.arange(ends_S[-1]) + np.repeat(starts_S - ends_S + lengths_S, lengths_S)


def _middles(sentences: I64, starts_S: I64, lengths_S: I64) -> I64:
    """Where in `length` tokens from `start` a sentence begins, nearest the middle; 0 where none does."""
    halves_S = lengths_S // 2
    after_S = np.searchsorted(sentences, starts_S + halves_S)
    best_S, nearest_S = np.zeros_like(starts_S), lengths_S.copy()
    for near_S in (after_S - 1, after_S):
        at_S = sentences[np.clip(near_S, 0, len(sentences) - 1)] - starts_S
        away_S = np.where((at_S > 0) & (at_S < lengths_S - 1), np.abs(at_S - halves_S), lengths_S)
        best_S = np.where(away_S < nearest_S, at_S, best_S)
        nearest_S = np.minimum(nearest_S, away_S)
    return best_S


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
