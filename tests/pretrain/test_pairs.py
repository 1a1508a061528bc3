"""Segment pairs and copies: what every sequence looks like, where its text is from, how many there are."""

from __future__ import annotations

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import Feed
from malmoi.pretrain.data.packing import RowBlock, RowTable, cut_rows
from malmoi.pretrain.data.segments import (
    AS_THEY_ARE,
    LONGEST,
    LOST,
    SHORTEST,
    Pairing,
    _choose,
    _copies,
    pair_up,
)
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.objectives.protocol import lay_flat
from malmoi.special import SpecialIds

from .test_rows import make_part

SPECIAL = SpecialIds()
documents = st.lists(st.lists(st.integers(1, 50), min_size=1, max_size=8), min_size=1, max_size=10)


def table(lengths: list[list[int]], row_len: int) -> RowTable:
    """Rows of a part whose ids count up, so that every token says where it comes from."""
    part = make_part(lengths)
    return RowTable([part], [cut_rows(part.sentences, part.documents, row_len)], row_len)


def fill(rows: RowTable) -> tuple[RowBlock, NDArray[np.int64]]:
    numbers = np.arange(rows.rows)
    return rows.fill(numbers, SPECIAL.cls, SPECIAL.sep, SPECIAL.pad), numbers


def split(block: RowBlock, r: int) -> list[tuple[int, list[int]]]:
    """A row's sequences: (place, ids)."""
    ends = np.cumsum([0, *block.sequences[r]]).tolist()
    return [(a, block.ids_RL[r, a:b].tolist()) for a, b in pairwise(ends)]


def segments(ids: list[int]) -> list[list[int]]:
    """The texts between [CLS] and [SEP]s."""
    assert ids[0] == SPECIAL.cls and ids[-1] == SPECIAL.sep and SPECIAL.pad not in ids
    out: list[list[int]] = [[]]
    for token in ids[1:-1]:
        if token == SPECIAL.sep:
            out.append([])
        else:
            assert token >= 5
            out[-1].append(token)
    return out


@settings(max_examples=50, deadline=None)
@given(
    documents,
    st.sampled_from([16, 32, 64, 128]),
    st.sampled_from([(0.5, 0.0), (0.0, 0.5), (0.4, 0.4), (1.0, 0.0), (0.0, 1.0)]),
    st.integers(0, 2**32 - 1),
)
def test_every_sequence_is_one_or_two_segments_of_the_row_s_text(
    lengths: list[list[int]], row_len: int, shares: tuple[float, float], seed: int
) -> None:
    before, numbers = fill(table(lengths, row_len))
    block = pair_up(before, numbers, seed, Pairing(*shares), SPECIAL)
    for r in range(len(numbers)):
        assert sum(block.sequences[r]) == block.lengths_R[r] <= before.lengths_R[r] <= row_len
        tail = int(block.lengths_R[r])
        assert (block.ids_RL[r, tail:] == SPECIAL.pad).all() and (block.segments_RL[r, tail:] == 0).all()
        assert block.positions_RL[r, tail:].tolist() == list(range(row_len - tail))
        texts = [set(segments(ids)[0]) for _, ids in split(before, r)]
        for place, ids in split(block, r):
            parts = segments(ids)
            assert 1 <= len(parts) <= 2 and all(parts)
            types = [0] * (len(parts[0]) + 2) + [1] * (len(ids) - len(parts[0]) - 2)
            assert block.segments_RL[r, place : place + len(ids)].tolist() == types
            assert block.positions_RL[r, place : place + len(ids)].tolist() == list(range(len(ids)))
            assert any(set(chain(*parts)) <= text for text in texts), "from one sequence of the row"
    flat = lay_flat(block, block.ids_RL)
    assert flat.segments_T.tolist() == block.segments_RL.ravel().tolist()
    starts = [r * row_len + place for r in range(len(numbers)) for place, _ in split(block, r)]
    assert set(starts) <= set(flat.cu_seqlens.tolist()), "attention stays inside each of them"


@settings(max_examples=30, deadline=None)
@given(documents, st.integers(0, 2**32 - 1))
def test_a_pair_is_the_text_cut_where_a_sentence_begins(lengths: list[list[int]], seed: int) -> None:
    """B goes on where A ends; only the last token is given up. Ids count up, so 5 + offset is a token."""
    rows = table(lengths, 64)
    before, numbers = fill(rows)
    block = pair_up(before, numbers, seed, Pairing(1.0, 0.0), SPECIAL)
    sentences = rows.parts[0].sentences
    for r in range(len(numbers)):
        for (_, old), (_, new) in zip(split(before, r), split(block, r), strict=True):
            (text,), parts = segments(old), segments(new)
            if len(text) < 2 * SHORTEST + 4:
                assert parts == [text]
                continue
            assert parts[0] + parts[1] == text[:-1] and len(new) == len(old)
            inside = [int(s) + 5 - text[0] for s in sentences if 0 < int(s) + 5 - text[0] < len(text) - 1]
            nearest = min((abs(s - len(text) // 2) for s in inside), default=0)
            assert abs(len(parts[0]) - len(text) // 2) == nearest
            assert not inside or len(parts[0]) in inside


@settings(max_examples=30, deadline=None)
@given(documents, st.integers(0, 2**32 - 1))
def test_a_copy_is_the_passage_without_some_tokens(lengths: list[list[int]], seed: int) -> None:
    before, numbers = fill(table(lengths, 128))
    block = pair_up(before, numbers, seed, Pairing(0.0, 1.0), SPECIAL)
    for r in range(len(numbers)):
        for _, ids in split(block, r):
            parts = segments(ids)
            if len(parts) == 1:
                assert len(parts[0]) < 2 * SHORTEST + 4
                continue
            passage, copy = sorted(parts, key=len, reverse=True)
            assert passage == list(range(passage[0], passage[0] + len(passage))), "one stretch of the text"
            assert SHORTEST <= len(passage) <= LONGEST
            assert copy == sorted(set(copy)) and set(copy) <= set(passage) and copy[0] == passage[0]


LONG = [[12] * 40] * 30  # documents of 40 sentences of 12 tokens


def test_shares() -> None:
    """Rows of one long sequence each: a fifth pairs, three tenths copied, 15 % of a copy's tokens lost, the
    passage first in half of them."""
    before, numbers = fill(table(LONG, 64))
    counted = {"pairs": 0, "copied": 0}
    tokens, kept, first, copies = 0, 0, 0, 0
    for seed in range(12):
        block = pair_up(before, numbers, seed, Pairing(0.2, 0.3), SPECIAL)
        for r in range(len(numbers)):
            sequences = [segments(ids) for _, ids in split(block, r)]
            if len(sequences[0]) == 1:
                continue
            if len(set(sequences[0][0]) & set(sequences[0][1])) == 0:
                counted["pairs"] += 1
                continue
            counted["copied"] += 1
            for one, other in sequences:
                long, short = max(one, other, key=len), min(one, other, key=len)
                tokens, kept = tokens + len(long) - 1, kept + len(short) - 1
                first, copies = first + (len(one) > len(other)), copies + (len(one) != len(other))
    N = 12 * len(numbers)
    assert N > 2500
    assert counted["pairs"] / N == pytest.approx(0.2, abs=0.03)
    assert counted["copied"] / N == pytest.approx(0.3, abs=0.03)
    assert 1 - kept / tokens == pytest.approx(LOST, abs=0.01)
    assert first / copies == pytest.approx(0.5, abs=0.06)


def test_a_function_of_seed_and_row_number() -> None:
    before, numbers = fill(table(LONG, 64))
    pairing = Pairing(0.3, 0.3)
    whole = pair_up(before, numbers, 7, pairing, SPECIAL)
    some = table(LONG, 64).fill(numbers[10:14], SPECIAL.cls, SPECIAL.sep, SPECIAL.pad)
    part = pair_up(some, numbers[10:14], 7, pairing, SPECIAL)
    np.testing.assert_array_equal(part.ids_RL, whole.ids_RL[10:14])
    np.testing.assert_array_equal(part.segments_RL, whole.segments_RL[10:14])
    assert part.sequences == whole.sequences[10:14]
    other = pair_up(before, numbers, 8, pairing, SPECIAL)
    assert (other.ids_RL != whole.ids_RL).any(1).mean() > 0.3


def test_as_they_are() -> None:
    before, numbers = fill(table(LONG, 64))
    assert pair_up(before, numbers, 7, AS_THEY_ARE, SPECIAL) is before
    assert all(middle % 12 == (12 - (s - 5) % 12) % 12 for r in range(3) for middle, s in _starts(before, r))


def _starts(block: RowBlock, r: int) -> list[tuple[int, int]]:
    return [(m, ids[1]) for m, (_, ids) in zip(block.middles[r], split(block, r), strict=True) if m]


@pytest.mark.parametrize("name", list(OBJECTIVES))
def test_segments_reach_the_model(name: str, tmp_path: Path) -> None:
    settings = PretrainConfig.model_validate({"objective": name})
    run = RunConfig(pretrain=settings, model=ModelConfig(hidden=32, heads=2, layers=1))
    part = make_part([[12] * 20] * 3)
    rows = RowTable.open([part], 64, tmp_path)
    collator = OBJECTIVES[name].load().collator(run, SPECIAL, 60_010)
    feed: Feed[Any] = Feed(rows, collator, SPECIAL, 3, 0.15, 8, 0, Pairing(1.0, 0.0))
    [batch] = feed.batch(0)
    types_RL = batch.text.segments_T.view(8, 64)
    assert (types_RL.max(1).values == 1).all() and (types_RL[:, 0] == 0).all()
    ids_RL = batch.shown_T.view(8, 64)
    assert (ids_RL == SPECIAL.mask).any()
    plain: Feed[Any] = Feed(rows, collator, SPECIAL, 3, 0.15, 8, 0)
    assert plain.batch(0)[0].text.segments_T.sum() == 0


def test_copies_fill_the_place_of_their_text_and_come_from_all_of_it() -> None:
    """A copy takes a [CLS], two [SEP] and at least twice the shortest passage: less is left. Passages begin
    where the text begins and end where it ends as well as anywhere between."""
    text = np.arange(100, 116)
    begins, ends, lengths = set(), set(), set()
    for seed in range(300):
        found = _copies(text, np.random.default_rng(seed))
        assert len(text) + 2 - sum(3 + len(a) + len(b) for a, b in found) < 3 + 2 * SHORTEST
        for pair in found:
            passage = max(pair, key=len)
            if len(pair[0]) == len(pair[1]):
                begins.add(int(passage[0]) - 100)
                ends.add(116 - int(passage[-1]))
                lengths.add(len(passage))
    assert begins == set(range(11)) and ends == set(range(1, 12)) and lengths == {6, 7}


def test_the_shortest_text_that_is_cut() -> None:
    """Of 15 tokens nothing is made, 16 are the fewest."""
    texts = [np.arange(100, 100 + count) for count in (15, 16)]
    found = [_choose(text, 0, np.random.default_rng(0), Pairing(0.0, 1.0)) for text in texts]
    assert [len(one[0]) for one in found] == [1, 2]
    assert len(found[0]) == 1 and found[0][0][0].tolist() == texts[0].tolist()


def test_room_for_the_most_sequences_there_can_be() -> None:
    """The shortest copy has a passage of six, one token of it, and three special tokens: three in 32."""
    block, numbers = fill(table([[20, 9]] * 4, 32))
    made = pair_up(block, numbers, 0, Pairing(0.0, 0.5), SPECIAL)
    assert made.most == block.most + 3


def test_copies_are_made_until_no_other_fits() -> None:
    """The shortest passage, all of it again and three special tokens must not fit into what is left."""
    left = []
    for seed in range(300):
        text = np.arange(100, 100 + 40 + seed % 50)
        made = _copies(text, np.random.default_rng(seed))
        left.append(len(text) + 2 - sum(3 + len(a) + len(b) for a, b in made))
    assert max(left) == 2 * SHORTEST + 2 and min(left) >= 0
