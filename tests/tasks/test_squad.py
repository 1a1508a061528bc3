"""Files like KorQuAD 1.0 are read and their faults named; answers are scored by the official rules."""

from __future__ import annotations

import json
import re
import string
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.tasks.squad import Gold, read_squad
from malmoi.tasks.squad_scores import best_over_golds, character_f1, exact_match, normalize_answer

CONTEXT = "돌담 마을의 우물은 1987년에 다시 팠다. 우물지기 박씨가 두레박을 고쳤다."


def question(text: str = "우물은 언제 다시 팠나?", answer: str = "1987년", start: int = 11) -> dict[str, Any]:
    return {"id": "우물-1", "question": text, "answers": [{"text": answer, "answer_start": start}]}


def write(path: Path, *questions: dict[str, Any], encoding: str = "utf-8") -> Path:
    paragraph = {"context": CONTEXT, "qas": list(questions)}
    whole = {"version": "우물", "data": [{"title": "우물", "paragraphs": [paragraph]}]}
    path.write_text(json.dumps(whole, ensure_ascii=False), encoding)
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_any_korean_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    squad = read_squad(write(tmp_path / "qa.json", question(), encoding=encoding))
    assert squad.contexts == [CONTEXT]
    (found,) = squad.questions
    assert (found.id, found.context, found.text) == ("우물-1", 0, "우물은 언제 다시 팠나?")
    assert found.answers == (Gold("1987년", 11),)
    assert CONTEXT[found.answers[0].start : found.answers[0].end] == "1987년"


def test_misplaced_and_missing_answers_are_counted(tmp_path: Path) -> None:
    nothing = {"id": "없음", "question": "누가?", "answers": []}
    squad = read_squad(write(tmp_path / "qa.json", question(), question(start=12), nothing))
    assert (len(squad.questions), squad.misplaced, squad.unanswerable) == (1, 1, 1)
    with pytest.raises(MalmoiError) as error:
        read_squad(write(tmp_path / "none.json", question(start=12), nothing))
    assert error.value.code == "MM0254"
    assert "1 misplaced, 1 without" in error.value.what


@pytest.mark.parametrize(
    ("table", "key", "found"),
    [
        ([], "data", "list"),
        ({"version": "2.0"}, "data", "version"),
        ({"data": [{"title": "우물", "qas": []}]}, "data[0].paragraphs", "title, qas"),
        ({"data": [{"paragraphs": [{"qas": []}]}]}, "data[0].paragraphs[0].context", "qas"),
        (
            {"data": [{"paragraphs": [{"context": "우물", "qas": [{"answer": {"text": "우물"}}]}]}]},
            "data[0].paragraphs[0].qas[0].answers",
            "answer",
        ),
        (
            {"data": [{"paragraphs": [{"context": "우물", "qas": [{"answers": [{"text": "우물"}]}]}]}]},
            "data[0].paragraphs[0].qas[0].answers[0].answer_start",
            "text",
        ),
    ],
)
def test_another_shape_is_named_by_file_and_key(tmp_path: Path, table: Any, key: str, found: str) -> None:
    path = tmp_path / "other.json"
    path.write_text(json.dumps(table, ensure_ascii=False), "utf-8")
    with pytest.raises(MalmoiError) as error:
        read_squad(path)
    assert (error.value.code, error.value.where) == ("MM0253", str(path))
    assert f"{key} is missing" in error.value.what and f"(it has: {found})" in error.value.what


def test_no_file_and_no_json(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as error:
        read_squad(tmp_path / "nothing.json")
    assert error.value.code == "MM0251"
    path = tmp_path / "lines.json"
    path.write_text('{"data": []}\n{"data": []}\n', "utf-8")
    with pytest.raises(MalmoiError) as error:
        read_squad(path)
    assert (error.value.code, error.value.where) == ("MM0252", f"{path}:2")


@pytest.mark.parametrize(
    ("predicted", "gold", "em", "f1"),
    [
        ("1,000", "1000", True, 1.0),
        ("3.5%", "35", True, 1.0),
        ("《돌담》", "돌담", True, 1.0),
        ("1989년 2월15일", "1989년 2월 15일", False, 1.0),  # inner spaces count for EM only
        ("가 나", "나 가", False, 1.0),  # a bag has no order
        ("“돌담”", "돌담", False, 2 * 2 / (4 + 2)),  # these quotes are not among the marks
        ("우물지기", "우물", False, 2 * 2 / (4 + 2)),
        ("", "", True, 0.0),
        ("", "우물", False, 0.0),
    ],
)
def test_the_official_rules(predicted: str, gold: str, em: bool, f1: float) -> None:
    assert exact_match(predicted, gold) is em
    assert character_f1(predicted, gold) == pytest.approx(f1)


def test_the_best_of_several_answers_counts() -> None:
    assert best_over_golds("우물지기", ["박씨", "우물"]) == (False, pytest.approx(2 / 3))
    assert best_over_golds("박씨", ["박씨", "우물"]) == (True, 1.0)


def official(predicted: str, gold: str) -> float:
    """The scorer's F1 step by step, as evaluate-v1.0.py has it."""

    def normal(text: str) -> str:
        for mark in ("'", '"', "《", "》", "<", ">", "〈", "〉", r"\(", r"\)", "‘", "’"):
            text = re.sub(mark, " ", text)
        text = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return " ".join(text.split())

    def letters(text: str) -> list[str]:
        return [c for word in normal(text).split() for c in word]

    p, g = letters(predicted), letters(gold)
    same = sum((Counter(p) & Counter(g)).values())
    if same == 0:
        return 0.0
    precision, recall = same / len(p), same / len(g)
    return 2 * precision * recall / (precision + recall)


WORDS = st.text(alphabet="가나다1,.%()《》‘’'\" \tAaΣİ", max_size=12)


@given(WORDS, WORDS)
def test_f1_is_the_official_one(predicted: str, gold: str) -> None:
    assert character_f1(predicted, gold) == pytest.approx(official(predicted, gold))
    assert normalize_answer(normalize_answer(gold)) == normalize_answer(gold)
