"""Splits: NSMC as published, a user's own files, and every error that stops before any training."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.errors import MalmoiError
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import read_task
from malmoi.tasks.examples import Examples, label_order, normal, read_examples, split_dev
from tests.tiny.heard import Heard

HEAD = "id\tdocument\tlabel\n"


def nsmc(folder: Path, train: str, test: str) -> TaskConfig:
    (folder / "ratings_train.txt").write_text(HEAD + train, "utf-8")
    (folder / "ratings_test.txt").write_text(HEAD + test, "utf-8")
    return TaskConfig(task="nsmc", data=folder)


def table(folder: Path, train: str, **files: str) -> TaskConfig:
    paths = {}
    for split, text in {"train": train, **files}.items():
        paths[split] = folder / f"{split}.csv"
        paths[split].write_text(text, "utf-8")
    return TaskConfig(text=("글",), label="라벨", **paths)


def error(config: TaskConfig) -> MalmoiError:
    with pytest.raises(MalmoiError) as caught:
        read_task(config)
    return caught.value


GOOD = "글,라벨\n" + "".join(f"영화 {i},{'좋음' if i % 2 else '나쁨'}\n" for i in range(40))


def test_published_nsmc(shared_data: Path) -> None:
    data = read_task(TaskConfig(task="nsmc", data=shared_data / "tasks" / "nsmc", dev_rows=0))
    assert (len(data.train), len(data.dev), len(data.test or [])) == (134_995, 15_000, 50_000)
    assert data.labels == ("0", "1")
    assert data.counts["train_blank"] == 5
    assert Counter(data.dev.labels).keys() == {"0", "1"}
    assert data.test is not None
    assert [data.test.lines[i] for i in data.test.blank().nonzero()[0]] == [5748, 7901, 27099]
    shared = {normal(t) for t in data.test.texts} & ({normal(t) for t in data.train.texts + data.dev.texts})
    assert len(shared) == 796  # and the empty text
    assert not {normal(t) for t in data.train.texts} & {normal(t) for t in data.dev.texts}
    quoted = [t for t in data.train.texts if isinstance(t, str) and t.startswith('"""')]
    assert quoted and all(t.endswith('"') for t in quoted[:1])  # doubled quotes stay as published


def test_blank_documents_are_scored_but_not_trained_on(tmp_path: Path) -> None:
    train = "".join(f"{i}\t영화 {i}\t{i % 2}\n" for i in range(40)) + "90\t\t1\n91\t  \t0\n"
    heard = Heard()
    data = read_task(nsmc(tmp_path, train, "1\t\t1\n2\t좋다\t1\n"), heard)
    assert data.counts["train_blank"] == 2
    assert "tasks.blank" in heard.keys
    assert data.test is not None and data.test.texts == ["", "좋다"]
    assert len(data.train) == 36 and len(data.dev) == 4


def test_two_columns_make_a_pair(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("하나,둘,같음\n가,나,1\n,,0\n다,,0\n", "utf-8")
    examples = read_examples(path, ("하나", "둘"), "같음")
    assert examples.texts == [("가", "나"), ("", ""), ("다", "")]
    assert examples.blank().tolist() == [False, True, False]


def test_labels_are_stripped_and_composed(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    jamo = unicodedata.normalize("NFD", "기쁨")
    assert jamo != "기쁨"
    path.write_text(f"글,라벨\n좋다,기쁨 \n싫다, {jamo}\n", "utf-8")
    assert read_examples(path, ("글",), "라벨").labels == ["기쁨", "기쁨"]


def test_label_order_counts_numbers_as_numbers() -> None:
    assert label_order(["10", "9", "1"]) == ("1", "9", "10")
    assert label_order(["나쁨", "좋음", "10"]) == ("10", "나쁨", "좋음")


def test_overlaps_are_counted_and_own_files_warned_about(tmp_path: Path) -> None:
    heard = Heard()
    config = table(
        tmp_path, GOOD + "영화 1,좋음\n영화 2,좋음\n", test="글,라벨\n영화 1 ,좋음\n새 영화,나쁨\n"
    )
    data = read_task(config, heard)
    assert (data.counts["train_repeated"], data.counts["train_two_labels"]) == (1, 1)
    assert data.counts["test_in_train"] == 1
    assert heard.warned == [("MM0613", {"n": 1, "total": 2})]


def test_an_own_dev_file_that_train_holds_is_warned_about(tmp_path: Path) -> None:
    heard = Heard()
    config = table(tmp_path, GOOD, dev="글,라벨\n영화 1 ,좋음\n영화 2,나쁨\n새 영화,나쁨\n", test=NEW)
    read_task(config.model_copy(update={"dev_rows": 1}), heard)
    assert heard.warned == [("MM0623", {"n": 2, "total": 3})]


NEW = "글,라벨\n새 영화,나쁨\n"


def test_without_a_test_file_it_says_so(tmp_path: Path) -> None:
    heard = Heard()
    assert read_task(table(tmp_path, GOOD), heard).test is None
    assert heard.codes == ["MM0614"]


def test_fewer_rows_are_nested(tmp_path: Path) -> None:
    config = table(tmp_path, GOOD)
    few = read_task(config.model_copy(update={"train_rows": 8})).train
    more = read_task(config.model_copy(update={"train_rows": 20})).train
    assert (len(few), len(more)) == (8, 20)
    assert set(few.lines) < set(more.lines)


texts = st.lists(
    st.tuples(st.sampled_from(["가", "나", "다", "라", "마", " ", "바 사"]), st.sampled_from("01"))
)


@given(rows=texts, share=st.floats(0.05, 0.45))
def test_no_text_stands_on_both_sides(rows: list[tuple[str, str]], share: float) -> None:
    lines = list(range(2, len(rows) + 2))
    examples = Examples(Path("a"), lines, [t for t, _ in rows], [label for _, label in rows])
    train, dev = split_dev(examples, share)
    assert sorted(train.lines + dev.lines) == lines
    assert not {normal(t) for t in train.texts} & {normal(t) for t in dev.texts}
    for label, count in Counter(dev.labels).items():
        assert count <= round(share * examples.labels.count(label))


def test_the_split_is_stratified_and_the_same_everywhere() -> None:
    labels = ["드묾" if i % 10 == 0 else "흔함" for i in range(1000)]
    examples = Examples(Path("a"), list(range(1000)), [f"글 {i}" for i in range(1000)], labels)
    _, dev = split_dev(examples, 0.1)
    assert Counter(dev.labels) == {"드묾": 10, "흔함": 90}
    assert dev.lines[:5] == DEV_LINES  # a change here would change every published dev score


DEV_LINES = [14, 38, 45, 57, 75]


@pytest.mark.parametrize(
    ("train", "code", "says"),
    [
        ("글,라벨\n좋다,\n좋다,N/A\n싫다\n", "MM0605", "(lines 2, 3, 4)"),
        ("글,라벨\n좋다,1\n싫다,1\n", "MM0606", "there is only one label, '1'."),
        ("글,라벨\n,1\n ,0\n", "MM0609", "column '글' has no text at all."),
        ("글,라벨\n,\n,\n", "MM0604", "there is no row below the header."),
        ("글,라벨\n좋다,1\n싫다,0\n", "MM0612", "with only 2 training rows"),
    ],
)
def test_training_files_that_cannot_teach(tmp_path: Path, train: str, code: str, says: str) -> None:
    found = error(table(tmp_path, train))
    assert found.code == code
    assert says in found.what


def test_a_limit_or_blank_texts_that_leave_one_class(tmp_path: Path) -> None:
    config = table(tmp_path, GOOD)
    found = error(config.model_copy(update={"train_rows": 1}))
    assert (found.code, found.where) == ("MM0606", str(config.train))
    assert found.do.endswith("--train-rows 0")
    blank = "글,라벨\n" + "".join(f"영화 {i},좋음\n,나쁨\n" for i in range(20))
    assert error(table(tmp_path, blank)).code == "MM0606"


def test_blank_texts_that_leave_nothing_to_train_on(tmp_path: Path) -> None:
    rows = "좋다,좋음\n싫다,나쁨\n" + ",좋음\n,나쁨\n" * 9
    assert error(table(tmp_path, "글,라벨\n" + rows)).code == "MM0612"


@pytest.mark.parametrize("split", ["dev", "test"])
def test_a_label_that_train_lacks(tmp_path: Path, split: str) -> None:
    found = error(table(tmp_path, GOOD, **{split: "글,라벨\n영화,좋음\n영화 둘,조음\n"}))
    assert (found.code, found.where) == ("MM0607", f"{tmp_path / split}.csv:3")
    assert found.what == "label '조음' is not in the training data (lines 3)."
    assert found.why == "the labels known are: 나쁨, 좋음"


def test_a_task_knows_its_labels(tmp_path: Path) -> None:
    found = error(nsmc(tmp_path, "1\t좋다\t1\n2\t싫다\t2\n", "1\t좋다\t1\n"))
    assert (found.code, found.where) == ("MM0607", f"{tmp_path / 'ratings_train.txt'}:3")


def test_asking_for_what_is_not_there(tmp_path: Path) -> None:
    found = error(TaskConfig(task="nsnc", data=tmp_path))
    assert found.what == "there is no task 'nsnc'. Did you mean 'nsmc'?"
    (tmp_path / "train.csv").write_text("글\n", "utf-8")
    found = error(TaskConfig(task="nsmc", data=tmp_path))
    assert found.code == "MM0602"
    assert found.what == "the task file ratings_train.txt is missing."
    assert found.why == f"in {tmp_path} there is: train.csv"
    assert error(TaskConfig(task="nsmc")).code == "MM0611"
    assert error(TaskConfig(text=("글",), train=tmp_path / "train.csv")).code == "MM0611"


def test_labels_that_are_nearly_as_many_as_rows_are_said(tmp_path: Path) -> None:
    """Several labels in a cell, as KOTE has them, make a class of nearly every row."""
    rows = "".join(f'영화 {i},"7,{min(i, 34)}"\n' for i in range(60))
    heard = Heard()
    assert len(read_task(table(tmp_path, "글,라벨\n" + rows), heard).labels) == 35
    assert ("MM0636", {"n": 35, "rows": 60, "labels": "7,0, 7,1, 7,10"}) in heard.warned
    few = Heard()
    read_task(table(tmp_path, GOOD), few)
    assert "MM0636" not in few.codes


def test_columns_in_a_recipe_are_written_as_on_the_command_line() -> None:
    assert TaskConfig(text="질문1, 질문2").text == ("질문1", "질문2")  # type: ignore[arg-type]
