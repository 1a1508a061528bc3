"""The endless sequence of rows: every epoch has all of them once, in an order of its own."""

from __future__ import annotations

import numpy as np

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.packing import RowTable, cut_rows
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import Mlm
from malmoi.special import SpecialIds

from .test_rows import make_part

SPECIAL = SpecialIds()
ROWS = 60
MODEL = ModelConfig(hidden=32, heads=2, layers=1)
MADE_OF = RunConfig(model=MODEL), SPECIAL, 1000


def make(seed: int = 0, batch_size: int = 7, micro_batch_size: int = 0) -> Feed[MaskedBatch]:
    """60 documents of 14 tokens: as many rows of 16, no two alike."""
    part = make_part([[14]] * ROWS)
    table = RowTable([part], [cut_rows(part.sentences, part.documents, 16)], 16)
    config = PretrainConfig(
        seed=seed, batch_size=batch_size, micro_batch_size=micro_batch_size, row_len=16, mask_rate=0.2
    )
    run = RunConfig(pretrain=config, model=MODEL)
    return feed_of(config, table, Mlm.collator(run, SPECIAL, 1000), SPECIAL)


def test_every_epoch_has_every_row_once_in_an_order_of_its_own() -> None:
    feed = make()
    assert feed.table.rows == ROWS
    epochs = [feed.table_rows(np.arange(e * ROWS, (e + 1) * ROWS)).tolist() for e in range(3)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(ROWS))
    other = make(seed=1).table_rows(np.arange(ROWS)).tolist()
    for a, b in (
        (epochs[0], epochs[1]),
        (epochs[1], epochs[2]),
        (epochs[0], other),
        (epochs[0], range(ROWS)),
    ):
        # Of two random orders one place agrees on the average; eight have a chance of 10^-6.
        assert sum(x == y for x, y in zip(a, b, strict=True)) < 8
    over = feed.table_rows(np.arange(ROWS - 5, ROWS + 5)).tolist()
    assert over == epochs[0][-5:] + epochs[1][:5]


def test_batches_follow_one_another_across_epochs() -> None:
    """Batch k is rows 7k … 7k + 6 of the sequence, whole or in pieces; a row's masks go with its number."""
    whole, parts = make(), make(micro_batch_size=3)
    for k in (0, 8, 20):  # batch 8 is the end of one epoch and the begin of the next
        [batch] = whole.batch(k)
        pieces = parts.batch(k)
        assert batch.rows_R.tolist() == list(range(7 * k, 7 * k + 7))
        assert [piece.rows_R.tolist() for piece in pieces] == [
            list(range(7 * k, 7 * k + 3)),
            list(range(7 * k + 3, 7 * k + 6)),
            [7 * k + 6],
        ]
        assert batch.text.ids_T.tolist() == [i for piece in pieces for i in piece.text.ids_T.tolist()]
        assert batch.labels_M.tolist() == [i for piece in pieces for i in piece.labels_M.tolist()]
        assert feed_text(whole, k) == [whole.table_rows(np.array([n]))[0] for n in batch.rows_R]


def feed_text(feed: Feed[MaskedBatch], k: int) -> list[int]:
    """Which document each row of batch `k` is: the ids of document d begin with 5 + 14 d."""
    block = feed.block(feed.row_numbers(k))
    return [(int(row[1]) - 5) // 14 for row in block.ids_RL]


def test_a_row_s_masks_differ_from_epoch_to_epoch() -> None:
    feed = make()
    first = feed.table_rows(np.arange(ROWS)).tolist()
    second = feed.table_rows(np.arange(ROWS, 2 * ROWS)).tolist()
    same = 0
    for row in range(ROWS):
        a, b = feed.one(first.index(row)), feed.one(ROWS + second.index(row))
        assert a.labels_M[0] in feed.table.parts[0].ids[14 * row : 14 * row + 14]
        same += sorted(a.slots_M.tolist()) == sorted(b.slots_M.tolist())
    assert same < 10  # 3 of 14 places: 364 choices


def test_the_stream_is_the_batches_in_order() -> None:
    feed = make(micro_batch_size=4)
    found = [[piece.rows_R.tolist() for piece in batch] for batch in feed.stream(7, 11)]
    assert found == [[piece.rows_R.tolist() for piece in feed.batch(k)] for k in range(7, 11)]
    assert next(iter(feed.stream(3, 4)))[0].rows_R.tolist() == [21, 22, 23, 24]
    assert feed.one(75).rows_R.tolist() == [75]
    row = int(feed.table_rows(np.array([75]))[0])
    assert feed.source(75) == f"part-00000[{14 * row}:{14 * row + 14}]"


def test_no_batch_is_made_that_nobody_asks_for() -> None:
    """A run's last step must not wait for a batch of the step after it."""
    made: list[int] = []

    class Counting(Feed[MaskedBatch]):
        def batch(self, k: int) -> list[MaskedBatch]:
            made.append(k)
            return super().batch(k)

    feed = make()
    counting = Counting(**{name: getattr(feed, name) for name in feed.__dataclass_fields__})
    assert len(list(counting.stream(2, 5))) == 3 and made == [2, 3, 4]
