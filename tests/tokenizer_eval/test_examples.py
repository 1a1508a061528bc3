"""Which sentences are shown: few, telling, the same each time, and none with a person's number in it."""

from __future__ import annotations

from malmoi.tokenizer.wordpiece.model import WordPiece
from malmoi.tokenizer_eval.cuts import cut_lines
from malmoi.tokenizer_eval.examples import COUNT, choose_lines
from tests.tiny.korean import SENTENCES
from tests.tiny.tokenizers import WHOLE

CALL = "할머니는 아침마다 010-2345-6789로 전화를 걸었다."
UNKNOWN = "할머니는 아침마다 뷁뷁이라는 노래를 불렀어요~"


def test_lines_are_telling_and_hold_no_numbers_of_persons(small: WordPiece) -> None:
    lines = [CALL, *SENTENCES * 40, UNKNOWN, "짧다", CALL]
    cuts = [cut_lines(small, lines)]
    chosen = choose_lines(lines, cuts, [small])
    assert 2 <= len(chosen) <= COUNT and len(set(chosen)) == len(chosen)
    assert UNKNOWN in chosen and CALL not in chosen and "짧다" not in chosen
    assert chosen == choose_lines(lines, cuts, [small])


def test_where_they_disagree_most_comes_first(small: WordPiece) -> None:
    lines = ["마당에서 고추를 말렸다. 마당에서 고추를 말렸다.", "왜 왜 왜 왜 왜 왜 왜 왜 왜 왜 왜 왜"]
    lines += ["가 나 다 라 마 바 사 아 자 차 카 타 파"] * 50
    cuts = [cut_lines(small, lines), cut_lines(WHOLE, lines)]
    assert lines[0] in choose_lines(lines, cuts, [small, WHOLE])


def test_lines_of_another_length_are_better_than_none(small: WordPiece) -> None:
    for lines in (["짧다", "더 짧다"], ["가나다 " * 200]):
        chosen = choose_lines(lines, [cut_lines(small, lines)], [small])
        assert chosen and all(len(line) <= 140 for line in chosen)
