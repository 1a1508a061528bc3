"""Answers to tokens and back: by hand, as a property, and the ceilings that were published for KorQuAD."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.analyzers import open_analyzer
from malmoi.tasks.squad import Gold, Question, Squad, read_squad
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer_eval.answers import (
    Spans,
    analyzer_spans,
    ceiling,
    eojeol_spans,
    to_text,
    to_tokens,
    tokenizer_spans,
)
from tests.tiny.tokenizers import PARTS, WHOLE

CONTEXT = "마당에서 고추를 말렸다."


def ask(*answers: str) -> Squad:
    golds = [Gold(answer, CONTEXT.index(answer)) for answer in answers]
    return Squad([CONTEXT], [Question(gold.text, 0, "무엇을?", (gold,)) for gold in golds])


def test_a_glued_particle_cannot_be_cut_off() -> None:
    whole = ceiling(ask("고추", "말렸다"), tokenizer_spans(WHOLE, [CONTEXT]))
    assert (whole.questions, whole.exact, whole.wider, whole.lost) == (2, 1, 1, 0)
    assert whole.em == 50.0
    assert whole.f1 == round(100 * (2 * 2 / (3 + 2) + 1) / 2, 2)
    assert whole.samples == [("고추", "고추를")]
    parts = ceiling(ask("고추", "말렸다"), tokenizer_spans(PARTS, [CONTEXT]))
    assert (parts.em, parts.f1, parts.exact, parts.samples) == (100.0, 100.0, 2, [])


def test_an_answer_no_token_touches_is_lost() -> None:
    spans: list[Spans] = [np.array([[0, 4]], np.int32)]
    found = ceiling(ask("고추"), spans)
    assert (found.em, found.f1, found.lost, found.samples) == (0.0, 0.0, 1, [("고추", "")])


def test_the_best_of_several_gold_answers_is_taken() -> None:
    both = (Gold("고추", 5), Gold("고추를", 5))
    squad = Squad([CONTEXT], [Question("둘", 0, "무엇을?", both)])
    found = ceiling(squad, tokenizer_spans(WHOLE, [CONTEXT]))
    assert (found.em, found.exact) == (100.0, 1)


def test_fused_morphemes_share_their_characters() -> None:
    spans_T2 = np.array([[0, 1], [1, 2], [1, 2], [1, 2], [2, 3]], np.int32)  # 가 줬(주 었) …
    assert to_tokens(spans_T2, Gold("줬", 1)) == (1, 3)
    assert to_text(spans_T2, 1, 3) == (1, 2)


@given(st.data())
def test_snapping_is_outward_and_least(data: st.DataObject) -> None:
    size = data.draw(st.integers(1, 30))
    edges = sorted(data.draw(st.sets(st.integers(0, size), min_size=2, max_size=10)) | {0, size})
    spans_T2 = np.array(list(pairwise(edges)), np.int32)
    start = data.draw(st.integers(0, size - 1))
    gold = Gold("x" * data.draw(st.integers(1, size - start)), start)
    tokens = to_tokens(spans_T2, gold)
    assert tokens is not None
    a, b = to_text(spans_T2, *tokens)
    assert a == max(edge for edge in edges if edge <= gold.start)
    assert b == min(edge for edge in edges if edge >= gold.end)


def test_published_ceilings_of_korquad(shared_data: Path) -> None:
    """EM / F1 as they were computed from the same file before: white-space words 23.9 / 87.7, Mecab's
    morphemes 99.2 / 99.9, KoELECTRA v1's vocabulary 71.4 / 96.6, another 99.0 / 99.9."""
    squad = read_squad(shared_data / "tasks/korquad_v1/KorQuAD_v1.0_dev.json")
    assert (len(squad.contexts), len(squad.questions), squad.misplaced) == (964, 5774, 0)
    eojeols = ceiling(squad, eojeol_spans(squad.contexts))
    assert eojeols.em == pytest.approx(23.9, abs=0.1)
    assert eojeols.f1 == pytest.approx(87.7, abs=0.06)
    morphemes = ceiling(squad, analyzer_spans(open_analyzer("mecab"), squad.contexts))
    assert morphemes.em == pytest.approx(99.2, abs=0.06)
    assert morphemes.f1 == pytest.approx(99.9, abs=0.06)
    for name, em, f1 in (
        ("koelectra_32200", 71.4, 96.6),
        ("ifuseok_electra_custom/vocab_custom.txt", 99.0, 99.9),
    ):
        tokenizer = load_tokenizer(shared_data / "tokenizers" / name)
        found = ceiling(squad, tokenizer_spans(tokenizer, squad.contexts))
        assert found.em == pytest.approx(em, abs=0.06)
        assert found.f1 == pytest.approx(f1, abs=0.06)
        assert found.exact + found.wider + found.lost == 5774
