"""Rows: every token once, documents apart, rows nearly full; the order a permutation; masks as BERT's."""

from __future__ import annotations

import os
from itertools import chain, pairwise
from pathlib import Path
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.pretrain.data.masking import Draw
from malmoi.pretrain.data.masking.bert import mask_rows
from malmoi.pretrain.data.masking.choosing import choose_slots, slot_cap
from malmoi.pretrain.data.packing import ARRAYS, RowTable, _middles, _most, cut_rows, table_fault
from malmoi.pretrain.data.random_bits import permute, random_bits, uniforms
from malmoi.shards.format import Part
from malmoi.special import SpecialIds
from tests.tiny.heard import Heard

SPECIAL = SpecialIds()


def make_part(documents: list[list[int]], name: str = "part-00000") -> Part:
    """A part whose documents have sentences of the given lengths; ids count up from 5."""
    sentences = np.cumsum([0, *(n for document in documents for n in document)])
    ends = np.cumsum([0, *(sum(document) for document in documents)])
    ids = (np.arange(sentences[-1]) % 60_000 + 5).astype(np.uint16)
    return Part(name, ids, np.zeros(len(ids), np.uint8), sentences.astype(np.int64), ends.astype(np.int64))


documents = st.lists(st.lists(st.integers(1, 90), min_size=1, max_size=8), min_size=1, max_size=12)


@given(documents, st.sampled_from([8, 16, 32, 128]))
def test_rows_hold_every_token_once_in_order_and_never_mix_documents(
    lengths: list[list[int]], row_len: int
) -> None:
    part = make_part(lengths)
    starts, sizes, rows = cut_rows(part.sentences, part.documents, row_len)
    assert starts.tolist() == np.cumsum([0, *sizes[:-1]]).tolist(), "no token lost, none twice"
    assert starts[-1] + sizes[-1] == len(part.ids)
    assert (sizes > 0).all()
    for start, size in zip(starts, sizes, strict=True):
        document = np.searchsorted(part.documents, start, side="right")
        assert start + size <= part.documents[document]
    used = [int((sizes[a:b] + 2).sum()) for a, b in pairwise(rows)]
    assert all(2 < u <= row_len for u in used)


def test_rows_are_nearly_full_and_mostly_end_where_a_sentence_ends() -> None:
    rng = np.random.default_rng(0)
    part = make_part([rng.integers(5, 60, size=40).tolist() for _ in range(200)])
    starts, sizes, rows = cut_rows(part.sentences, part.documents, 128)
    used = (int(sizes.sum()) + 2 * len(sizes)) / (128 * (len(rows) - 1))
    assert used > 0.95
    assert np.isin(starts, part.sentences).mean() > 0.35


@pytest.mark.parametrize(
    ("lengths", "rows"),
    [
        ([[14]], [[14]]),
        ([[12, 5]], [[12], [5]]),  # ends with a sentence: the two tokens lost are an eighth of the row
        ([[11, 5]], [[14], [2]]),  # three would be more, so the sentence is cut
        ([[10], [4]], [[10, 2], [2]]),  # two tokens are an eighth, enough for the next document
        ([[11], [4]], [[11], [4]]),  # one is not
        ([[11], [1]], [[11, 1]]),  # unless the document has no more
        ([[12], [1]], [[12], [1]]),
        ([[9], [30]], [[9, 3], [14], [13]]),
    ],
)
def test_where_a_row_of_16_ends(lengths: list[list[int]], rows: list[list[int]]) -> None:
    """Each sequence has two special tokens besides."""
    part = make_part(lengths)
    starts, sizes, firsts = cut_rows(part.sentences, part.documents, 16)
    assert [sizes[a:b].tolist() for a, b in pairwise(firsts)] == rows
    assert starts.tolist() == np.cumsum([0, *sizes[:-1]]).tolist()


def test_the_sentence_nearest_the_middle() -> None:
    sentences = np.array([0, 4, 9, 20])

    def middles(*spans: tuple[int, int]) -> list[int]:
        starts, lengths = (np.array(numbers) for numbers in zip(*spans, strict=True))
        return _middles(sentences, starts, lengths).tolist()

    assert middles((0, 20), (0, 14), (0, 13), (0, 9), (0, 6)) == [9, 9, 4, 4, 4]
    assert middles((0, 5)) == [0], "the last token is given up, so nothing would follow"
    assert middles((4, 16), (9, 11), (10, 4)) == [5, 0, 0]


def test_a_filled_row_is_what_the_table_says(tmp_path: Path) -> None:
    part = make_part([[4], [20, 9]])
    tmp_path = tmp_path / "rows" / "16"  # made where it is missing
    table = RowTable.open([part], 16, tmp_path)
    block = table.fill(np.arange(table.rows), SPECIAL.cls, SPECIAL.sep, SPECIAL.pad)
    text = [[i for i in row if i >= 5] for row in block.ids_RL.tolist()]
    assert [*chain.from_iterable(text)] == part.ids.tolist()
    assert block.ids_RL[0, :6].tolist() == [2, 5, 6, 7, 8, 3]
    assert block.positions_RL[0, :8].tolist() == [0, 1, 2, 3, 4, 5, 0, 1]
    assert [sum(s) for s in block.sequences] == block.lengths_R.tolist()
    assert table.source(0) == "part-00000[0:12]"
    again = RowTable.open([part], 16, tmp_path)
    assert again.rows == table.rows and isinstance(again.tables[0][0], np.memmap)


def plain_row(table: RowTable, row: int) -> tuple[list[int], list[int], list[int], list[int]]:
    """Ids, positions, lengths and middles of one row, token by token."""
    p = max(i for i, first in enumerate(table.first_row[:-1]) if first <= row)
    starts, lengths, firsts = table.tables[p]
    ids: list[int] = []
    positions: list[int] = []
    sizes: list[int] = []
    middles: list[int] = []
    for s in range(firsts[row - table.first_row[p]], firsts[row - table.first_row[p] + 1]):
        start, size = int(starts[s]), int(lengths[s])
        ids += [SPECIAL.cls, *table.parts[p].ids[start : start + size].tolist(), SPECIAL.sep]
        positions += range(size + 2)
        sizes.append(size + 2)
        inside = [int(x) - start for x in table.parts[p].sentences if start < x < start + size - 1]
        middles.append(min(inside, key=lambda x: abs(x - size // 2), default=0))
    tail = table.row_len - len(ids)
    return ids + [SPECIAL.pad] * tail, [*positions, *range(tail)], sizes, middles


@given(st.lists(documents, min_size=1, max_size=3), st.sampled_from([8, 16, 64]), st.randoms())
def test_rows_are_filled_as_one_would_by_hand(
    parts: list[list[list[int]]], row_len: int, random: Random
) -> None:
    made = [make_part(lengths, f"part-{i:05}") for i, lengths in enumerate(parts)]
    table = RowTable(made, [cut_rows(part.sentences, part.documents, row_len) for part in made], row_len)
    rows = random.sample(range(table.rows), random.randint(1, table.rows))  # any order, across the parts
    block = table.fill(np.array(rows), SPECIAL.cls, SPECIAL.sep, SPECIAL.pad)
    for r, row in enumerate(rows):
        ids, positions, sizes, middles = plain_row(table, row)
        assert (block.ids_RL[r].tolist(), block.positions_RL[r].tolist()) == (ids, positions)
        assert (block.sequences[r], block.middles[r], block.lengths_R[r]) == (sizes, middles, sum(sizes))


def test_an_empty_part_is_an_error(tmp_path: Path) -> None:
    empty = Part("part-00000", np.zeros(0, np.uint16), np.zeros(0, np.uint8), *[np.zeros(1, np.int64)] * 2)
    with pytest.raises(MalmoiError, match="not a single row of 16 tokens"):
        RowTable.open([empty], 16, tmp_path)


@given(st.integers(1, 5000), st.integers(0, 2**63))
def test_permutation_is_a_permutation_and_differs_by_key(size: int, key: int) -> None:
    order = permute(np.arange(size), size, key)
    assert sorted(order.tolist()) == list(range(size))
    assert permute(np.array([size - 1]), size, key)[0] == order[-1], "any index alone gives the same"
    if size > 50:
        assert (permute(np.arange(size), size, key + 1) != order).any()


def test_splitmix_is_the_published_one() -> None:
    """First outputs of SplitMix64 for seed 0 (Vigna's splitmix64.c)."""
    golden = 0x9E3779B97F4A7C15
    from malmoi.pretrain.data.random_bits import mix

    with np.errstate(over="ignore"):
        found = [int(mix(np.array(golden * i % 2**64, np.uint64))) for i in range(3)]
    assert found == [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_uniforms_are_uniform_and_a_function_of_their_counters() -> None:
    draws = uniforms(7, 1, np.arange(2000)[:, None], np.arange(50)[None])
    assert draws.shape == (2000, 50)
    assert abs(draws.mean() - 0.5) < 0.005 and abs(draws.var() - 1 / 12) < 0.002
    assert uniforms(7, 1, 3, 4) == draws[3, 4]
    assert abs(np.corrcoef(draws[:-1, 0], draws[1:, 0])[0, 1]) < 0.06
    assert random_bits(1, 2) != random_bits(2, 1)


def test_plain_masking_has_the_shares_of_berts() -> None:
    """15 % of the maskable tokens, 80/10/10, never a special token; labels are the originals."""
    rng = np.random.default_rng(1)
    ids = rng.integers(5, 1000, size=(600, 64))
    ids[:, 0], ids[:, 40], ids[:, 41:] = SPECIAL.cls, SPECIAL.sep, SPECIAL.pad
    masked = mask_rows(ids, Draw(np.arange(600), 3, 0.15, SPECIAL, 1000))
    used = masked.weights_RC > 0
    assert (used.sum(1) == round(0.15 * 39)).all()
    assert masked.slots_RC.shape[1] == slot_cap(62, 0.15) == 10
    rows = np.nonzero(used)[0]
    slots, labels = masked.slots_RC[used], masked.labels_RC[used]
    assert (ids[rows, slots] == labels).all() and (labels >= 5).all()
    new = masked.ids_RL[rows, slots]
    assert abs((new == SPECIAL.mask).mean() - 0.8) < 0.02
    assert abs((new == labels).mean() - 0.1) < 0.02
    random = new[(new != SPECIAL.mask) & (new != labels)]
    assert random.min() >= 5 and random.max() < 1000
    untouched = np.ones_like(ids, bool)
    untouched[rows, slots] = False
    assert (masked.ids_RL == ids)[untouched].all()


@pytest.mark.parametrize("ids", [(994, 995, 996, 997, 998), (0, 100, 101, 102, 999)])
def test_random_tokens_come_from_the_whole_vocabulary_but_its_special_tokens(ids: tuple[int, ...]) -> None:
    special = SpecialIds(*ids)
    rows = np.full((4000, 64), 7)
    masked = mask_rows(rows, Draw(np.arange(4000), 3, 0.15, special, 1000))
    new = masked.ids_RL[(masked.ids_RL != 7) & (masked.ids_RL != special.mask)]
    assert len(new) > 3000
    assert not np.isin(new, ids).any()
    # Of 994 equally likely tokens (7 itself is not seen) 3,600 draws meet 97 %, half of them below 500.
    assert len(np.unique(new)) > 900
    assert abs((new < 500).mean() - 0.5) < 0.05


def test_random_tokens_behind_special_tokens_0_to_4() -> None:
    """The plain case, by its plain formula: shards and seeds of old give the rows of old."""
    ids = np.full((50, 32), 7)
    masked = mask_rows(ids, Draw(np.arange(50), 3, 0.5, SPECIAL, 1000))
    rows = np.arange(50)[:, None]
    random = (uniforms(3, 2, rows, masked.slots_RC) >= 0.8) & (uniforms(3, 2, rows, masked.slots_RC) < 0.9)
    r, c = np.nonzero(random & (masked.weights_RC > 0))
    wanted = (random_bits(3, 3, rows, masked.slots_RC) % np.uint64(995)).astype(np.int64) + 5
    assert len(r) > 40
    assert (masked.ids_RL[r, masked.slots_RC[r, c]] == wanted[r, c]).all()


def test_masks_depend_on_the_row_number_alone() -> None:
    ids = np.random.default_rng(2).integers(5, 1000, size=(8, 32))
    whole = mask_rows(ids, Draw(np.arange(8), 3, 0.15, SPECIAL, 1000))
    half = mask_rows(ids[4:], Draw(np.arange(4, 8), 3, 0.15, SPECIAL, 1000))
    assert (whole.ids_RL[4:] == half.ids_RL).all()
    other = mask_rows(ids, Draw(np.arange(8, 16), 3, 0.15, SPECIAL, 1000))
    assert (whole.ids_RL != other.ids_RL).any()


def test_slots_of_a_row_with_little_or_nothing_to_mask() -> None:
    maskable = np.array([[False] * 8, [False, True] + [False] * 6])
    slots, k = choose_slots(maskable, np.random.default_rng(0).random((2, 8)), 0.15)
    assert k.tolist() == [0, 1]
    assert slots[1, 0] == 1


def test_the_most_sequences_of_a_row_whatever_the_pieces() -> None:
    rows = np.array([0, 1, 4, 5, 7, 8], np.int64)
    assert [_most(rows, size) for size in (1, 2, 3, 100)] == [3, 3, 3, 3]
    assert _most(np.array([0], np.int64)) == 1


@pytest.mark.parametrize("name", ARRAYS)
def test_a_flipped_bit_in_the_table_is_found_and_mended(name: str, tmp_path: Path) -> None:
    part = make_part([[4, 9], [20, 9, 30], [7]])
    whole = [array.tolist() for array in RowTable.open([part], 16, tmp_path).tables[0]]
    file = tmp_path / part.name / f"{name}.npy"
    before = file.stat()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))  # as a bad disk does it: by no one's hand
    reporter = Heard()
    again = RowTable.open([part], 16, tmp_path, reporter)
    assert [array.tolist() for array in again.tables[0]] == whole
    assert reporter.warned == [("MM0033", {"reason": f"{name}.npy: SHA-256"})]
    assert reporter.places == [str(tmp_path / part.name)]
    assert table_fault(tmp_path / part.name) is None
    RowTable.open([part], 16, tmp_path, reporter)
    assert len(reporter.codes) == 1


def test_a_table_without_digests_or_arrays_is_made_again(tmp_path: Path) -> None:
    part = make_part([[4, 9], [20, 9, 30], [7]])
    whole = [array.tolist() for array in RowTable.open([part], 16, tmp_path).tables[0]]
    for left_out in ("digests.json", "starts.npy"):
        (tmp_path / part.name / left_out).unlink()
        again = RowTable.open([part], 16, tmp_path, Heard())
        assert [array.tolist() for array in again.tables[0]] == whole
