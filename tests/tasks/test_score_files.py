"""Files whose label is a score, and published pairs: what is read, and what stops with its lines."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import read_task, task_of
from malmoi.tasks.examples import Examples, normal
from malmoi.tasks.numbers import number, numbers, tenths
from tests.tasks.test_task_data import error
from tests.tiny.heard import Heard


def ratings(folder: Path, scores: list[str], **more: list[str]) -> TaskConfig:
    paths = {}
    for split, column in {"train": scores, **more}.items():
        rows = [f"{split} 글 {i}\t글 {i}의 짝\t{score}\n" for i, score in enumerate(column)]
        paths[split] = folder / f"{split}.tsv"
        paths[split].write_text("하나\t둘\t점수\n" + "".join(rows), "utf-8")
    return TaskConfig(text=("하나", "둘"), label="점수", kind="regress", **paths)


SCORES = [f"{i % 26 / 5:.3f}" for i in range(60)]


def test_published_korsts(shared_data: Path) -> None:
    data = read_task(TaskConfig(task="korsts", data=shared_data / "tasks" / "korsts"))
    assert (len(data.train), len(data.dev), len(data.test or [])) == (5749, 1500, 1379)
    assert (data.labels, data.pair, data.task.kind) == ((), True, "regress")
    gold = numbers(data.train)
    assert (gold.min(), gold.max(), len(set(gold))) == (0.0, 5.0, 140)
    quoted = [text for text in data.train.texts if any('"' in part for part in text)]
    assert len(quoted) == 260  # literal quotes, as published
    assert data.train.texts[0] == ("비행기가 이륙하고 있다.", "비행기가 이륙하고 있다.")


def test_published_question_pair_where_0_means_the_same(shared_data: Path) -> None:
    data = read_task(TaskConfig(task="question_pair", data=shared_data / "tasks" / "question_pair"))
    assert (len(data.train), len(data.dev), len(data.test or [])) == (6136, 682, 758)
    assert data.labels == ("0", "1")
    rows = zip(data.train.texts, data.train.labels, strict=True)
    same = [label for text, label in rows if normal(text[0]) == normal(text[1])]
    assert same.count("0") > 0.99 * len(same)


def test_dev_is_held_out_over_the_whole_scale(tmp_path: Path) -> None:
    config = ratings(tmp_path, [str(i / 100) for i in range(1000)])
    data = read_task(config)
    dev = numbers(data.dev)
    assert 80 <= len(dev) <= 100
    counts, _ = np.histogram(dev, bins=10, range=(0, 10))
    assert counts.min() >= 8 and not set(data.dev.lines) & set(data.train.lines)


@pytest.mark.parametrize(
    ("wrong", "why"),
    [("3,5", "point"), ("inf", ""), ("-Infinity", ""), ("좋음", ""), ("３.５", "full-width")],
)
@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_what_is_no_number_stops_with_its_lines(wrong: str, why: str, split: str, tmp_path: Path) -> None:
    files = {"dev": list(SCORES), "test": list(SCORES)}
    scores = list(SCORES)
    (scores if split == "train" else files[split])[4] = wrong
    (scores if split == "train" else files[split])[9] = wrong
    found = error(ratings(tmp_path, scores, **files))
    assert (found.code, found.where) == ("MM0624", f"{tmp_path / split}.tsv:6")
    assert found.what == f"the score '{wrong}' is not a number (lines 6, 11)."
    assert why in found.why
    assert found.do.endswith("--kind classify")


@pytest.mark.parametrize("mark", ["", "nan", "NaN", "N/A", "None"])
def test_rows_without_a_score_are_dropped_from_train_and_counted(mark: str, tmp_path: Path) -> None:
    heard = Heard()
    data = read_task(ratings(tmp_path, [*SCORES[:50], mark, *SCORES[50:], mark], test=SCORES), heard)
    assert heard.warned == [
        ("MM0638", {"column": "점수", "n": 2, "total": 62, "lines": "52, 63"}),
    ]
    assert data.counts["train_unlabelled"] == 2 and len(data.train) + len(data.dev) == 60
    assert np.isfinite(numbers(data.train)).all()


@pytest.mark.parametrize("split", ["dev", "test"])
@pytest.mark.parametrize("mark", ["", "nan", "N/A"])
def test_a_missing_score_stops_where_it_is_scored(split: str, mark: str, tmp_path: Path) -> None:
    found = error(ratings(tmp_path, SCORES, **{split: ["1.5", mark, "2"]}))
    assert (found.code, found.where) == ("MM0605", f"{tmp_path / split}.tsv:3")


@pytest.mark.parametrize("split", ["train", "dev", "test"])
def test_one_score_for_all_rows_stops(split: str, tmp_path: Path) -> None:
    files = {"dev": SCORES, "test": SCORES} | ({split: ["2.50", "2.5", "2.500"]})
    found = error(ratings(tmp_path, files.pop("train", SCORES), **files))
    assert (found.code, found.where) == ("MM0625", f"{tmp_path / split}.tsv:2")
    assert found.what == "every row has the same score, 2.50 (lines 2, 3, 4)."


def test_a_limit_that_leaves_one_score_stops(tmp_path: Path) -> None:
    config = ratings(tmp_path, SCORES, test=SCORES).model_copy(update={"test_rows": 1})
    assert error(config).code == "MM0625"


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_every_plain_number_is_read_as_it_is(value: float) -> None:
    assert number(repr(value)) == (value if abs(value) <= 1e30 else None)


@pytest.mark.parametrize(
    "text", ["", " ", "1_000", "1,000", "0x10", "1e", ".", "--1", "1e400", "١", "½", "1 2"]
)
def test_what_python_or_a_person_might_read_as_a_number_but_we_do_not(text: str) -> None:
    assert number(text) is None


@pytest.mark.parametrize(("text", "value"), [("5.", 5.0), (".5", 0.5), ("+2", 2.0), ("-1.5e-3", -0.0015)])
def test_other_spellings_of_a_number(text: str, value: float) -> None:
    assert number(text) == value


def test_tenths_are_tenths() -> None:
    examples = Examples(Path("a"), list(range(100)), ["글"] * 100, [str(i) for i in range(100)])
    assert Counter(tenths(examples)) == {str(tenth): 10 for tenth in range(10)}


def test_the_first_that_is_no_number_is_named() -> None:
    examples = Examples(Path("a"), [2, 3, 4, 5], ["글"] * 4, ["1", "하나", "둘", "셋"])
    with pytest.raises(MalmoiError, match=r"a:3: the score '하나' is not a number \(lines 3, 4, 5\)"):
        numbers(examples)


def test_tenths_with_ties() -> None:
    examples = Examples(Path("a"), list(range(20)), ["글"] * 20, ["0"] * 15 + ["1", "2", "3", "4", "5"])
    found = tenths(examples)
    assert len(set(found[:15])) == 1 and found[-1] == "9"


def test_labels_that_look_like_scores_are_pointed_out(tmp_path: Path) -> None:
    heard = Heard()
    config = ratings(tmp_path, SCORES, test=SCORES)
    with pytest.raises(MalmoiError, match="MM0612"):  # hardly a label has rows to spare for dev
        read_task(config.model_copy(update={"kind": None}), heard)
    assert heard.warned == [("MM0628", {"column": "점수", "n": 26})]
    stars = ratings(tmp_path, [str(i % 5 + 1) for i in range(60)], test=["1", "2"])
    heard = Heard()
    read_task(stars.model_copy(update={"kind": None}), heard)
    assert "MM0628" not in heard.codes


def test_the_kind_of_a_named_task_is_settled() -> None:
    with pytest.raises(MalmoiError) as caught:
        task_of(TaskConfig(task="nsmc", kind="regress"))
    assert (caught.value.code, caught.value.what) == (
        "MM0627",
        "nsmc is of kind classify, but regress was asked for.",
    )
    assert task_of(TaskConfig(task="korsts", kind="regress")).metric == "spearman"


def test_a_task_may_be_called_something_else(tmp_path: Path) -> None:
    assert task_of(ratings(tmp_path, SCORES)).name == "train"
    assert task_of(TaskConfig(task="nsmc", name="nsmc-800")).name == "nsmc-800"
    assert task_of(ratings(tmp_path, SCORES).model_copy(update={"name": "유사도"})).name == "유사도"


def test_numbers_end_at_1e30_either_side() -> None:
    assert [number(text) for text in ("1e30", "-1e30", "1.1e30", "-2e30", "1e999")] == [
        1e30,
        -1e30,
        None,
        None,
        None,
    ]
