"""Measures of small cuts, counted by hand and by a slow oracle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.tokenizer_eval.boundaries import agreement
from malmoi.tokenizer_eval.cuts import cut_lines, inner_starts, lay_out
from malmoi.tokenizer_eval.measures import measure, measure_lengths
from malmoi.tokenizer_eval.speed import speeds
from malmoi.tokenizer_eval.texts import Texts
from tests.tiny.tokenizers import PARTS, WHOLE

LINE = "마당에서 고추를 말렸다."


def measured(tokenizer: Tokenizer, documents: list[list[str]]) -> object:
    texts = Texts(Path("글"), "file", documents)
    return measure(tokenizer, cut_lines(tokenizer, texts.lines), lay_out(texts.lines), texts)


def test_measures_by_hand() -> None:
    texts = Texts(Path("글"), "file", [[LINE, LINE], ["마당에서 왜"]])
    lines = texts.lines
    layout = lay_out(lines)
    assert layout.eojeols == 8
    found = measure(WHOLE, cut_lines(WHOLE, lines), layout, texts)
    # 마당에서 고추를 말렸다 . (twice), 마당에서 [UNK]
    assert found.tokens == 10
    assert found.tokens_per_eojeol == 10 / 8
    assert found.characters_per_token == (11 + 11 + 5) / 10
    assert found.unk_percent == 10.0
    assert found.unk_eojeol_percent == 12.5
    assert (found.vocab_size, found.learned) == (9, 9)
    assert found.used_percent == round(100 * 5 / 9, 4)
    assert found.documents.mean == round((2 * 4 + 2 + 2 + 2) / 2, 2)
    assert found.sentences.quantiles == {50: 6, 90: 6, 99: 6}
    size = sum(len(line.encode()) for line in lines) / 1e6
    assert found.rows_per_mb[128] == round(10 / 126 / size, 1)
    parts = measure(PARTS, cut_lines(PARTS, lines), layout, texts)
    # 마당 ##에서 고추 ##를 말 ##렸 ##다 . (twice), 마당 ##에서 [UNK]
    assert parts.tokens == 19 and parts.unk_eojeol_percent == 12.5


def test_lengths_count_what_is_longer() -> None:
    lengths = measure_lengths([10] * 6 + [128] * 2 + [129, 600])
    assert lengths.over == {128: 20.0, 512: 10.0}
    assert lengths.quantiles == {50: 10, 90: 129, 99: 600}
    shares = dict(lengths.curve)
    assert shares[4] == 100.0
    at_least_10 = min(n for n in shares if n >= 10)
    assert shares[at_least_10] == 40.0
    assert min(shares.values()) == 0.0


def test_agreement_counts_inside_eojeols_only() -> None:
    layout = lay_out([LINE])
    # 마당|에서 고추|를 말리|었다|. as an analyzer might have it: 2, 7, 10 (말|렸) and the full stop, 12
    reference = np.zeros(len(LINE), np.bool_)
    reference[[2, 7, 10, 12]] = True
    whole = agreement(cut_lines(WHOLE, [LINE]), layout, reference)
    assert (whole.precision, whole.recall) == (100.0, 25.0)  # the full stop only
    parts = agreement(cut_lines(PARTS, [LINE]), layout, reference)
    assert (parts.precision, parts.recall) == (80.0, 100.0)  # 렸|다 is one too many
    assert parts.f1 == pytest.approx(200 * 0.8 / 1.8, abs=0.01)
    unknown = agreement(cut_lines(WordPiece([*SPECIAL_TOKENS, "."]), [LINE]), layout, reference)
    assert unknown.recall == 25.0  # an [UNK] has no inside


@settings(deadline=None)
@given(st.lists(st.text("가나 \u3000.a\u00a0", max_size=8), min_size=1, max_size=5), st.data())
def test_eojeols_and_inner_starts_are_those_of_split(lines: list[str], data: st.DataObject) -> None:
    layout = lay_out(lines)
    joined = "\n".join(lines)
    assert layout.eojeols == len(joined.split())
    places = st.lists(st.integers(0, max(0, len(joined) - 1)), max_size=6)
    starts = data.draw(places) if joined else []
    wanted = {p for p in starts if p > 0 and not joined[p].isspace() and not joined[p - 1].isspace()}
    assert set(np.flatnonzero(inner_starts(np.array(starts, np.int64), layout)).tolist()) == wanted


def test_spans_of_all_lines_point_into_the_joined_text(small: WordPiece) -> None:
    lines = [LINE, "", "\u200b할머니는 아침마다 편지를 쓰다가 잠들었다...", "ㅋㅋ"]
    joined = "\n".join(lines)
    cut = cut_lines(small, lines)
    known = [
        (entry.removeprefix("##"), joined[a:b])
        for entry, (a, b) in zip(small.tokens(cut.ids_T), cut.spans_T2.tolist(), strict=True)
        if entry != "[UNK]"
    ]
    assert len(known) > 10 and all(entry == piece for entry, piece in known)


def test_speed_is_measured_for_each(small: WordPiece) -> None:
    found = speeds([small, WHOLE], [LINE * 3] * 200)
    assert len(found) == 2 and all(0 < speed < 10_000 for speed in found)
