"""Batches against the obvious: every row once, every token in its place, no row that sees another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.finetune.answer import model_outputs
from malmoi.finetune.batches import (
    Encoded,
    encode,
    epoch_batches,
    in_pieces,
    lay_flat,
    pack,
    row_length,
    within_budget,
)
from malmoi.finetune.start import pretrained

lengths = st.lists(st.integers(2, 40), min_size=1, max_size=60)


def encoded(lens: list[int]) -> Encoded:
    starts = np.concatenate([[0], np.cumsum(lens)]).astype(np.int64)
    generator = np.random.default_rng(len(lens))
    ids = generator.integers(5, 90, starts[-1]).astype(np.int32)
    return Encoded(ids, (ids % 2).astype(np.uint8), starts, 0, 0)


@given(lens=lengths)
def test_texts_share_rows_and_keep_their_own_positions(lens: list[int]) -> None:
    data = encoded(lens)
    texts = np.arange(len(lens))[::-1].copy()
    batch, firsts = lay_flat(data, texts)
    T, L = batch.ids_T.numel(), batch.row_len
    assert L in (row_length(max(lens)), row_length(max(lens) * 3 // 2))
    assert len(lens) * row_length(max(lens)) >= T  # never more than one text a row would take
    owner = [-1] * T  # which text a token of the batch belongs to
    for i, at in zip(texts, firsts.tolist(), strict=True):
        n = lens[i]
        assert at // L == (at + n - 1) // L  # whole in one row
        row = slice(data.starts[i], data.starts[i + 1])
        assert batch.ids_T[at : at + n].tolist() == data.ids[row].tolist()
        assert batch.segments_T[at : at + n].tolist() == data.segments[row].tolist()
        assert batch.positions_T[at : at + n].tolist() == list(range(n))
        assert set(owner[at : at + n]) == {-1}  # texts do not overlap
        owner[at : at + n] = [int(i)] * n
    tails = [t for t in range(T) if owner[t] == -1]
    assert batch.ids_T[tails].tolist() == [0] * len(tails)
    assert batch.positions_T[tails].tolist() == [0] * len(tails)
    cuts = [t for t in range(T) if t % L == 0 or owner[t] != owner[t - 1]]
    assert batch.cu_seqlens[: len(cuts)].tolist() == cuts
    assert set(batch.cu_seqlens[len(cuts) :].tolist()) <= {T}
    assert len(batch.cu_seqlens) == 2 * len(lens) + 1


def test_no_row_asks_for_a_position_that_the_model_has_not(checkpoint: Path) -> None:
    """Texts as long as the model reads, in rows half as long again; the last has one short text and a tail
    beyond the model's last position. The answers are those to each text by itself."""
    model, _ = pretrained(checkpoint).load(0, 0.0, 2)
    most = model.encoder.config.max_positions
    lens = [most, most // 2, *[most * 3 // 4] * 6, 2]
    data = encoded(lens)
    batch, _ = lay_flat(data, np.arange(len(lens)))
    assert batch.row_len == most * 3 // 2 and batch.cu_seqlens.diff().max() > most
    together = model_outputs(model, data, device=torch.device("cpu"), tokens_per_batch=10_000)
    alone = model_outputs(model, data, device=torch.device("cpu"), tokens_per_batch=1)
    np.testing.assert_allclose(together, alone, atol=1e-5)


@given(lens=lengths, tokens=st.integers(8, 400))
def test_pieces_are_the_rows_of_one_batch(lens: list[int], tokens: int) -> None:
    data, texts = encoded(lens), np.arange(len(lens))
    whole, firsts = lay_flat(data, texts)
    pieces = list(in_pieces(data, texts, tokens))
    assert torch.equal(torch.cat([batch.ids_T for _, batch, _ in pieces]), whole.ids_T)
    assert torch.equal(torch.cat([batch.positions_T for _, batch, _ in pieces]), whole.positions_T)
    assert all(batch.ids_T.numel() <= tokens or batch.rows == 1 for _, batch, _ in pieces)
    assert {batch.row_len for _, batch, _ in pieces} == {whole.row_len}
    offset, found = 0, []
    for part, batch, firsts_B in pieces:
        found += [(int(i), int(first) + offset) for i, first in zip(part, firsts_B, strict=True)]
        offset += batch.ids_T.numel()
    assert sorted(found) == list(enumerate(firsts.tolist()))
    assert [first for _, first in found] == sorted(firsts.tolist())  # row after row


@given(lens=lengths)
def test_packing_wastes_little(lens: list[int]) -> None:
    L = row_length(max(lens))
    _, rows = pack(np.array(lens), L)
    fewest = -(-sum(lens) // L)
    assert rows <= min(len(lens), 2 * fewest)  # no two rows that are half empty or more


@given(count=st.integers(1, 60), size=st.integers(1, 9), seed=st.integers(0, 9), epoch=st.integers(0, 3))
def test_an_epoch_has_every_text_once(count: int, size: int, seed: int, epoch: int) -> None:
    batches = epoch_batches(count, size, seed, epoch)
    assert sorted(np.concatenate(batches).tolist()) == list(range(count))
    assert [len(b) for b in batches[:-1]] == [size] * (-(-count // size) - 1)
    again = epoch_batches(count, size, seed, epoch)
    assert [b.tolist() for b in batches] == [b.tolist() for b in again]


def test_batches_hold_texts_of_all_lengths() -> None:
    """Sorted by length, texts of one length would meet in every epoch; drawn at random they hardly do."""
    lens = np.arange(1000)
    spread = [lens[b].std() for b in epoch_batches(1000, 32, 0, 0)[:-1]]
    assert np.mean(spread) > 0.8 * lens.std()


@given(lens=lengths, budget=st.integers(8, 400))
def test_pieces_keep_to_the_budget(lens: list[int], budget: int) -> None:
    array = np.array(lens)
    pieces = list(within_budget(np.arange(len(lens)), array, budget))
    assert sorted(np.concatenate(pieces).tolist()) == list(range(len(lens)))
    for piece in pieces:
        assert len(piece) == 1 or len(piece) * row_length(int(array[piece].max())) <= budget


def test_answers_do_not_depend_on_neighbours(checkpoint) -> None:  # type: ignore[no-untyped-def]
    model, tokenizer = pretrained(checkpoint).load(0, 0.1, 3)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(8 if parameter.ndim > 1 else 1)  # fresh weights answer everything alike
    texts = ["나는 정말 재미있다", "", "최악의 영화 " * 9, "시간이 아깝다"] * 3
    data = encode(tokenizer, texts, 40)
    device = torch.device("cpu")
    together = model_outputs(model, data, device=device, tokens_per_batch=4096)
    small = model_outputs(model, data, device=device, tokens_per_batch=8)
    alone = np.concatenate(
        [model_outputs(model, encode(tokenizer, [t], 40), device=device, tokens_per_batch=8) for t in texts]
    )
    np.testing.assert_allclose(together, alone, atol=1e-5)
    np.testing.assert_allclose(together, small, atol=1e-5)
    assert together.std(0).max() > 0.01  # the texts do differ


@settings(max_examples=20)
@given(parts=st.lists(st.text(st.sampled_from("정말 재미있다영화🙂"), max_size=30), min_size=1, max_size=5))
def test_encode_cuts_and_marks_pairs(checkpoint, parts: list[str]) -> None:  # type: ignore[no-untyped-def]
    _, tokenizer = pretrained(checkpoint).load(0, 0.1, 2)
    pairs = [(part, "영화") for part in parts]
    data = encode(tokenizer, pairs, 16)
    assert len(data) == len(parts)
    assert data.lengths.max() <= 16
    for i in range(len(parts)):
        row = slice(data.starts[i], data.starts[i + 1])
        assert data.ids[row][0] == tokenizer.special.cls
        assert data.ids[row][-1] == tokenizer.special.sep
        assert data.segments[row][-1] == 1


def test_pieces_take_as_much_as_the_budget_allows() -> None:
    """Padded to 8 and 16 tokens: three rows of 8 are 24, one of 16 leaves no room for another."""
    lens = np.array([9, 5, 8, 2, 8, 1, 16])
    pieces = [rows.tolist() for rows in within_budget(np.arange(7), lens, 24)]
    assert pieces == [[5, 3, 1], [2, 4], [0], [6]]
    assert [rows.tolist() for rows in within_budget(np.array([6, 2]), lens, 1)] == [[2], [6]]


def test_the_longest_are_packed_first_each_where_it_first_fits() -> None:
    starts, rows = pack(np.array([5, 3, 6, 2, 1, 8]), 8)
    assert (starts.tolist(), rows) == ([16, 21, 8, 14, 24, 0], 4)


def test_no_texts_are_no_rows(checkpoint: Path) -> None:
    _, tokenizer = pretrained(checkpoint).load(0, 0.1, 2)
    nothing = encode(tokenizer, [], 16)
    assert (len(nothing), nothing.unknown, len(nothing.ids), nothing.pad_id) == (0, 0, 0, 0)
    assert encode(tokenizer, ["영화 뷁 뷁뷁", "영화"], 16).unknown == 2


def test_rows_are_longer_where_that_takes_fewer_tokens() -> None:
    """Two texts of 12 fill one row of 24, or half of two rows of 16; two of 14 fit into no row of 24."""
    for length, row_len, rows in ((12, 24, 1), (14, 16, 2)):
        batch, firsts = lay_flat(encoded([length, length]), np.arange(2))
        assert (batch.row_len, batch.rows) == (row_len, rows)
        assert sorted(firsts.tolist()) == [0, length if rows == 1 else row_len]
