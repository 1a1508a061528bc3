"""Which rows make up global batch k. A pure function of (seed, k): resuming needs no loader state, and how
the batch is split into micro-batches changes nothing but who computes a row."""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.data.packing import RowBlock, RowTable
from malmoi.pretrain.data.random_bits import Stream, permute, random_bits
from malmoi.pretrain.data.segments import AS_THEY_ARE, Pairing, pair_up
from malmoi.pretrain.objectives.protocol import Collator, MicroBatch
from malmoi.special import SpecialIds

B = TypeVar("B", bound=MicroBatch)


@dataclass(frozen=True)
class Feed(Generic[B]):
    """The endless sequence of rows: each epoch visits every row of `table` once, in an order of its own."""

    table: RowTable
    collator: Collator[B]
    special: SpecialIds
    seed: int
    rate: float
    batch_size: int
    micro_batch_size: int
    pairing: Pairing = AS_THEY_ARE

    def row_numbers(self, k: int) -> NDArray[np.int64]:
        """The numbers, in the endless sequence, of the rows of global batch `k`."""
        return np.arange(k * self.batch_size, (k + 1) * self.batch_size, dtype=np.int64)

    def table_rows(self, numbers: NDArray[np.int64]) -> NDArray[np.int64]:
        """The table's row for each number: number r is place r mod N of epoch r div N."""
        epochs, places = np.divmod(numbers, self.table.rows)
        out = np.empty_like(places)
        for epoch in np.unique(epochs):
            chosen = epochs == epoch
            key = int(random_bits(self.seed, Stream.ORDER, int(epoch)))
            out[chosen] = permute(places[chosen], self.table.rows, key)
        return out

    def batch(self, k: int) -> list[B]:
        """Global batch `k` as micro-batches."""
        numbers = self.row_numbers(k)
        size = self.micro_batch_size or self.batch_size
        return [self._micro(numbers[i : i + size]) for i in range(0, len(numbers), size)]

    def block(self, numbers: NDArray[np.int64]) -> RowBlock:
        """The text of rows, by their numbers in the endless sequence, before anything is masked."""
        s = self.special
        block = self.table.fill(self.table_rows(numbers), s.cls, s.sep, s.pad)
        return pair_up(block, numbers, self.seed, self.pairing, s)

    def _micro(self, numbers: NDArray[np.int64]) -> B:
        return self.collator(self.block(numbers), numbers, self.seed, self.rate)

    def one(self, number: int) -> B:
        """A single row, to find out which one is at fault."""
        return self._micro(np.array([number], np.int64))

    def source(self, number: int) -> str:
        """Where the text of a row lies in the shards."""
        return self.table.source(int(self.table_rows(np.array([number], np.int64))[0]))

    def stream(self, first: int, last: int) -> Generator[list[B]]:
        """Global batches `first` … `last - 1`, each made in a thread while the one before is computed on."""
        with ThreadPoolExecutor(1) as thread:
            coming = thread.submit(self.batch, first)
            for k in range(first, last):
                batch = coming.result()
                if k + 1 < last:
                    coming = thread.submit(self.batch, k + 1)
                yield batch


def feed_of(config: PretrainConfig, table: RowTable, collator: Collator[B], special: SpecialIds) -> Feed[B]:
    """The rows that a run of these settings sees."""
    return Feed(
        table,
        collator,
        special,
        config.seed,
        config.mask_rate,
        config.batch_size,
        config.micro_batch_size,
        Pairing(config.segment_pair_rate, config.copy_rate),
    )
