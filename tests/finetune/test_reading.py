"""What a model cannot read is said: [UNK] everywhere, cut texts, blank ones; in finetune and in predict."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest

from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import pretrained
from malmoi.predict.file import answer_file
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task
from tests.tiny.heard import Heard
from tests.tiny.labelled import QUICK, reviews


def learn(folder: Path, checkpoint: Path, train: str, test: str) -> tuple[Heard, Path, dict[str, int]]:
    for name, text in (("train.csv", train), ("test.csv", test)):
        (folder / name).write_text(text, "utf-8")
    config = FinetuneConfig(
        train=folder / "train.csv", test=folder / "test.csv", text=("문장",), label="감정", **QUICK
    )
    heard = Heard()
    manifest = finetune(
        config, read_task(config, heard), pretrained(checkpoint), folder / "run", Context(heard)
    )
    return heard, folder / "run", manifest.counts


def warned(heard: Heard, code: str) -> list[dict[str, object]]:
    return [values for name, values in heard.warned if name == code]


def test_a_vocabulary_that_cannot_read(checkpoint: Path, tmp_path: Path) -> None:
    foreign = "문장,감정\n" + "".join(f"쒜뷁 펣쫇 {i},{'좋음' if i % 2 else '나쁨'}\n" for i in range(40))
    heard, run, counts = learn(tmp_path, checkpoint, reviews(40), foreign)
    assert warned(heard, "MM0641") == [{"percent": "53.3"}] and counts["test_unknown_tokens"] == 80
    asked = Heard()
    assert answer_file(Predictor.open(run), tmp_path / "test.csv", tmp_path / "a.tsv", reporter=asked) == 40
    assert warned(asked, "MM0641") == [{"percent": "53.3"}]
    known = Heard()
    answer_file(Predictor.open(run), tmp_path / "train.csv", tmp_path / "a.tsv", reporter=known)
    assert known.warned == []


def test_texts_whose_utf_8_was_read_as_cp949(checkpoint: Path, tmp_path: Path) -> None:
    whole = "배우들 연기가 살아 있어서 두 시간이 금방 지나갔어요"
    broken = whole.encode().decode("cp949", "ignore")
    test = "문장,감정\n" + "".join(
        f"{broken if i < 7 else whole} {i},{'좋음' if i % 2 else '나쁨'}\n" for i in range(40)
    )
    heard, run, _ = learn(tmp_path, checkpoint, reviews(40), test)
    assert warned(heard, "MM0648") == [{"n": 7}]
    asked = Heard()
    answer_file(Predictor.open(run), tmp_path / "test.csv", tmp_path / "a.tsv", reporter=asked)
    assert warned(asked, "MM0648") == [{"n": 7}]


def test_texts_longer_than_the_model_reads(checkpoint: Path, tmp_path: Path) -> None:
    long = reviews(40).replace("영화", "영화 " * 100)
    heard, run, counts = learn(tmp_path, checkpoint, long, reviews(40))
    [said] = warned(heard, "MM0639")  # once, though dev rows were held out of the file
    cut = counts["train_rows_at_max_len"] + counts["dev_rows_at_max_len"]
    assert (said["n"], said["total"], said["max_len"]) == (cut, 40, 64) and 9 < cut < 40
    assert counts["test_rows_at_max_len"] == 0
    assert said["advice"] == (
        "this model reads at most 64 tokens; put what matters first, or split the texts into several rows."
    )
    asked = Heard()
    answer_file(Predictor.open(run), tmp_path / "train.csv", tmp_path / "a.tsv", reporter=asked)
    assert [values["n"] for values in warned(asked, "MM0639")] == [cut]


def test_the_advice_for_long_texts_is_a_setting_that_works(checkpoint: Path, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(reviews(40), "utf-8")
    config = FinetuneConfig(train=tmp_path / "a.csv", text=("문장",), label="감정", **QUICK)
    data = read_task(config, Heard())
    heard = Heard()
    short = config.model_copy(update={"max_len": 8})
    finetune(short, data, pretrained(checkpoint), tmp_path / "short", Context(heard))
    assert warned(heard, "MM0639")[0]["advice"] == "to read more of them: --set finetune.max_len=16"
    heard = Heard()
    finetune(
        config.model_copy(update={"max_len": 32}),
        data,
        pretrained(checkpoint),
        tmp_path / "b",
        Context(heard),
    )
    assert not warned(heard, "MM0639")


def test_blank_texts(checkpoint: Path, tmp_path: Path) -> None:
    rows = reviews(40).splitlines()
    half = "\n".join(
        [rows[0], *(row if i % 4 > 1 else f"\u200b ,{row[-2:]}" for i, row in enumerate(rows[1:]))]
    )
    heard, run, counts = learn(tmp_path, checkpoint, half + "\n", reviews(40).replace(rows[1], ",나쁨"))
    assert warned(heard, "MM0640") == [{"n": 20, "total": 40}]  # one of 40 is no warning
    assert (counts["train_blank"], counts["test_blank"], "tasks.blank" in heard.keys) == (20, 1, True)
    asked = Heard()
    assert answer_file(Predictor.open(run), tmp_path / "train.csv", tmp_path / "a.tsv", reporter=asked) == 40
    assert warned(asked, "MM0640") == [{"n": 20, "total": 40}]


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_scores_are_those_predict_gives(kind: str, checkpoint: Path, tmp_path: Path) -> None:
    """Trained in bf16, dev and test are scored as they will be answered: in fp32."""
    rows = [row.rpartition(",")[0] for row in reviews(120).splitlines()[1:]]
    for name, part in (("train", rows[:80]), ("dev", rows[80:])):
        lines = (
            f"{row},{(i % 7) * 10 + i % 3 if kind == 'regress' else i % 3}" for i, row in enumerate(part)
        )
        (tmp_path / f"{name}.csv").write_text("문장,감정\n" + "\n".join(lines) + "\n", "utf-8")
    files = {name: tmp_path / f"{name}.csv" for name in ("train", "dev")}
    settings = QUICK | {"precision": "bf16", "lr": 5e-3, "epochs": 3, "kind": kind}
    config = FinetuneConfig(**files, text=("문장",), label="감정", **settings)
    data = read_task(config, Heard())
    finetune(config, data, pretrained(checkpoint), tmp_path / "run")
    dev = json.loads((tmp_path / "run" / "scores.json").read_text("utf-8"))["dev"]
    answers = Predictor.open(tmp_path / "run").predict(data.dev.texts)
    if kind == "regress":
        gold = [float(label) for label in data.dev.labels]
        errors = [
            (answer.score - right) ** 2 for answer, right in zip(answers, gold, strict=True) if answer.score
        ]
        assert dev["mse"] == pytest.approx(sum(errors) / len(errors), rel=1e-6)
    else:
        right = [a.label == label for a, label in zip(answers, data.dev.labels, strict=True)]
        assert dev["accuracy"] == sum(right) / len(right)
        losses = [-math.log(a.probabilities[g]) for a, g in zip(answers, data.dev.labels, strict=True)]
        assert dev["loss"] == pytest.approx(sum(losses) / len(losses), rel=1e-6)
