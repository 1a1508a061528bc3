"""Rows counted before training are the rows training makes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from malmoi.pretrain.data.fill import fill_of
from malmoi.pretrain.data.packing import RowTable
from malmoi.shards.format import Shards


def test_rows_and_fill_are_the_tables(shards: Path, tmp_path: Path) -> None:
    opened = Shards.open(shards)
    for row_len in (16, 64):
        found = fill_of(opened.train, row_len)
        table = RowTable.open(opened.train, row_len, tmp_path / str(row_len))
        block = table.fill(np.arange(table.rows), 2, 3, 0)
        assert (found.rows, found.sequences) == (table.rows, sum(map(len, block.sequences)))
        assert found.real == block.lengths_R.sum() / (table.rows * row_len)
        assert found.text == sum(len(part.ids) for part in opened.train) / (table.rows * row_len)


def test_no_parts() -> None:
    assert fill_of([], 128).rows == 0
