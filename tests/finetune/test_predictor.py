"""Answers: in order, for blank texts too, for files of any encoding, and refusals that say what to give."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.predict.file import answer_file
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task
from tests.tiny.labelled import CPU


@pytest.fixture(scope="module")
def predictor(
    config: FinetuneConfig, checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Predictor:
    out = tmp_path_factory.mktemp("predict") / "run"
    finetune(config, read_task(config), pretrained(checkpoint), out)
    return Predictor.open(out)


@pytest.fixture(scope="module")
def pairs(checkpoint: Path, tmp_path_factory: pytest.TempPathFactory) -> Predictor:
    folder = tmp_path_factory.mktemp("pairs")
    rows = (f"질문 {i},{'질문' if i % 2 else '아니'} {i},{'예' if i % 2 else '아니'}" for i in range(120))
    lines = ["하나,둘,같음", *rows]
    (folder / "train.csv").write_text("\n".join(lines) + "\n", "utf-8")
    config = FinetuneConfig(
        train=folder / "train.csv",
        text=("하나", "둘"),
        label="같음",
        epochs=12,
        lr=2e-3,
        batch_size=16,
        **CPU,
    )
    with pytest.warns(UserWarning, match="MM0614"):
        data = read_task(config)
    finetune(config, data, pretrained(checkpoint), folder / "run")
    assert json.loads((folder / "run" / "scores.json").read_text("utf-8"))["test"] is None
    return Predictor.open(folder / "run" / "model")


def test_answers_come_in_order_blank_ones_too(predictor: Predictor) -> None:
    texts = ["나는 정말 재미있다", "", "우리는 최악의 영화 " * 20, "누나가 시간이 아깝다", " "]
    answers = predictor.predict(texts)
    assert [answers[0].label, answers[3].label] == ["좋음", "나쁨"]
    for text, answer in zip(texts, answers, strict=True):
        alone = predictor.predict([text])[0]
        assert alone.label == answer.label
        assert alone.probability == pytest.approx(answer.probability, abs=1e-5)
        assert sum(answer.probabilities.values()) == pytest.approx(1, abs=1e-5)
        assert list(answer.probabilities) == ["나쁨", "좋음"]
    assert predictor.predict([]) == []


def test_the_predictor_gives_what_the_run_wrote(predictor: Predictor, config: FinetuneConfig) -> None:
    test = read_task(config).test
    assert test is not None
    with (predictor.folder.parent / "predictions.tsv").open(encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    for row, answer in zip(rows, predictor.predict(test.texts), strict=True):
        assert row["predicted"] == answer.label
        assert float(row["probability"]) == pytest.approx(answer.probability, abs=2e-6)


def test_a_text_file_has_an_answer_for_every_line(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "texts.txt").write_bytes("나는 정말 재미있다\r\n\r\n시간이 아깝다\t정말\r\n".encode("utf-16"))
    assert answer_file(predictor, tmp_path / "texts.txt", tmp_path / "answers.tsv") == 3
    with (tmp_path / "answers.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [(r["line"], r["text"]) for r in rows] == [
        ("1", "나는 정말 재미있다"),
        ("2", ""),
        ("3", "시간이 아깝다\t정말"),
    ]
    assert rows[0]["label"] == "좋음"
    assert not (tmp_path / "answers.tsv.tmp").exists()


def test_a_table_is_answered_by_column(predictor: Predictor, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_bytes(
        '번호,문장\n1,나는 정말 재미있다\n2\n3,"시간이,\n아깝다"\n'.encode("cp949")
    )
    assert answer_file(predictor, tmp_path / "a.csv", tmp_path / "out.tsv") == 3
    with (tmp_path / "out.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [(r["line"], r["문장"]) for r in rows] == [
        ("2", "나는 정말 재미있다"),
        ("3", ""),
        ("4", "시간이,\\n아깝다"),
    ]
    with pytest.raises(MalmoiError, match="MM0603"):
        answer_file(predictor, tmp_path / "a.csv", tmp_path / "out.tsv", columns=["글"])


def test_many_texts_stream_through_windows(predictor: Predictor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("malmoi.predict.predictor.WINDOW", 3)
    texts = [f"영화 {i}" for i in range(10)]
    taken = 0

    def source():  # type: ignore[no-untyped-def]
        nonlocal taken
        for text in texts:
            taken += 1
            yield text

    stream = predictor.stream(source())
    first = next(stream)
    assert taken == 3
    assert [first.label, *(a.label for a in stream)] == [a.label for a in predictor.predict(texts)]


def test_pairs(pairs: Predictor, tmp_path: Path) -> None:
    assert pairs.columns == ("하나", "둘")
    same, other = pairs.predict([("질문 3", "질문 3"), ("질문 4", "아니 4")])
    assert (same.label, other.label) == ("예", "아니")
    with pytest.raises(MalmoiError) as caught:
        pairs.predict(["질문 하나"])
    assert caught.value.what == "this model takes 2 text(s) at a time, and it was given 1."
    (tmp_path / "a.tsv").write_text("왼쪽\t오른쪽\n질문 3\t질문 3\n", "utf-8")
    assert answer_file(pairs, tmp_path / "a.tsv", tmp_path / "o.tsv", columns=["왼쪽", "오른쪽"]) == 1
    with pytest.raises(MalmoiError, match="MM0621"):
        answer_file(pairs, tmp_path / "a.tsv", tmp_path / "o.tsv", columns=["왼쪽"])


def test_single_texts_want_no_pair(predictor: Predictor) -> None:
    with pytest.raises(MalmoiError, match="MM0621"):
        predictor.predict([("하나", "둘")])


def test_a_folder_without_a_tuned_model(checkpoint: Path, tmp_path: Path) -> None:
    for path in (checkpoint, tmp_path, tmp_path / "none"):
        with pytest.raises(MalmoiError) as caught:
            Predictor.open(path)
        assert caught.value.code == "MM0620"
