"""A league of a tiny checkpoint, the same without pretraining and the character n-gram baseline."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from malmoi.artifact.finished import read_manifest
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.char_ngrams import Features
from malmoi.league.config import LeagueConfig
from malmoi.league.entries import entries, name_checkpoints
from malmoi.league.gains import gain_ps
from malmoi.league.run import league
from malmoi.league.table import LeagueLine
from malmoi.predict.predictor import Predictor
from malmoi.tasks.examples import Examples
from tests.tiny.heard import Heard


@pytest.fixture(scope="module")
def checkpoint(pretraining: Callable[..., Path]) -> Path:
    return pretraining("wiki", (7,), seed=1)


@pytest.fixture(scope="module")
def task(three_tasks: list[FinetuneConfig]) -> FinetuneConfig:
    return three_tasks[0].model_copy(update={"name": "train"})


def test_every_cell_once_and_a_table(checkpoint: Path, task: FinetuneConfig, tmp_path: Path) -> None:
    out = tmp_path / "league"
    lines = league(LeagueConfig(seeds=2), [task], {"위키": checkpoint}, out)
    rows = {line.row: line for line in lines}
    assert set(rows) == {"위키", "no-pretraining-1x16", "characters"}
    assert [line.mean for line in lines] == sorted((line.mean for line in lines), reverse=True)
    assert rows["characters"].mean == 1.0 and rows["characters"].best
    assert (rows["characters"].n, rows["characters"].sd) == (1, None)
    ours, new = rows["위키"], rows["no-pretraining-1x16"]
    cells = [out / "cells" / "위키" / "train" / f"seed-{seed}" for seed in (0, 1)]
    values = [json.loads((c / "scores.json").read_text("utf-8"))["test"]["macro_f1"] for c in cells]
    assert ours.values == values
    assert ours.mean == pytest.approx(sum(values) / 2)
    assert ours.sd == pytest.approx(abs(values[0] - values[1]) / 2**0.5)
    assert ours.against == new.row
    assert ours.difference == pytest.approx(ours.mean - new.mean)
    assert ours.p == gain_ps([ours.as_dict(), new.as_dict()])[0] and ours.p is not None and new.p is None
    assert (ours.split, ours.scored, new.difference) == ("test", 40, None)
    with (out / "table.tsv").open(encoding="utf-8") as stream:
        table = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["row"] for row in table] == [line.row for line in lines]
    assert json.loads((out / "table.json").read_text("utf-8"))[0] == lines[0].as_dict()
    assert read_manifest(out).state == "finished"
    assert Predictor.open(cells[0]).predict(["영화 최고다"])[0].label in ("좋음", "나쁨")

    heard = Heard()
    more = league(LeagueConfig(seeds=3), [task], {"위키": checkpoint}, out, Context(heard))
    assert heard.keys.count("base.current") == 5  # two seeds twice, and the characters
    assert sum(key in ("finetune.start", "finetune.start_fresh") for key in heard.keys) == 2
    assert {line.row: line.n for line in more}["위키"] == 3


def test_a_cut_league_goes_on(checkpoint: Path, task: FinetuneConfig, tmp_path: Path) -> None:
    class Stopper(Heard):
        def say(self, key: str, **values: Any) -> None:
            super().say(key, **values)
            if key == "league.cell" and values["done"] == 2:
                raise KeyboardInterrupt

    out, config = tmp_path / "league", LeagueConfig(seeds=1)
    with pytest.raises(KeyboardInterrupt):
        league(config, [task], {"wiki": checkpoint}, out, Context(Stopper()))
    assert read_manifest(out).state == "running"
    heard = Heard()
    lines = league(config, [task], {"wiki": checkpoint}, out, Context(heard))
    assert heard.keys.count("base.current") == 1
    assert len(lines) == 3


def test_what_is_not_a_league_is_left_alone(checkpoint: Path, task: FinetuneConfig, tmp_path: Path) -> None:
    (tmp_path / "diary.txt").write_text("나의 일기", "utf-8")
    with pytest.raises(MalmoiError, match="MM0014"):
        league(LeagueConfig(), [task], {"wiki": checkpoint}, tmp_path)
    assert (tmp_path / "diary.txt").exists()


def test_one_row_of_new_weights_for_each_shape_and_tokenizer(checkpoint: Path, tmp_path: Path) -> None:
    step = checkpoint / "checkpoints" / "step-7"
    other = tmp_path / "other"
    shutil.copytree(step, other)
    vocabulary = (other / "vocab.txt").read_text("utf-8").replace("##화\n", "##와\n")
    (other / "tokenizer.json").unlink()
    (other / "vocab.txt").write_text(vocabulary, "utf-8")
    rows = entries({"a": step, "b": checkpoint, "c": other}, no_pretraining=True, characters=True)
    names = [row.name for row in rows]
    bases = ["no-pretraining-1x16-a", "no-pretraining-1x16-c"]  # each says whose tokenizer it has
    assert names == ["a", "b", "c", *bases, "characters"]
    assert [row.against for row in rows[:3]] == [names[3], names[3], names[4]]
    plain = entries({"a": step}, no_pretraining=False, characters=False)
    assert [(row.name, row.against) for row in plain] == [("a", None)]


def test_names() -> None:
    words = [
        "runs/wiki/pretrain",
        "runs/news/pretrain/checkpoints/step-400",
        "첫째=x/y",
        "models/koelectra-small",
    ]
    assert list(name_checkpoints(words)) == ["wiki", "news-step-400", "첫째", "koelectra-small"]
    for wrong, code in (
        (["a/x", "b/x"], "MM0702"),
        (["characters=a"], "MM0702"),
        (["no-pretraining=a"], "MM0702"),
        ([], "MM0703"),
        (["../x=a"], "MM0704"),
    ):
        with pytest.raises(MalmoiError) as caught:
            name_checkpoints(wrong)
        assert caught.value.code == code


def test_without_scikit_learn_it_says_what_to_install(
    checkpoint: Path, task: FinetuneConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.linear_model", None)
    with pytest.raises(MalmoiError) as caught:
        league(LeagueConfig(seeds=1), [task], {"wiki": checkpoint}, tmp_path / "league")
    assert caught.value.code == "MM0701"
    assert "pip install 'malmoi[league]'" in caught.value.do


def test_features_of_a_pair_against_the_definition() -> None:
    texts = [
        ("영화 재미있다", "영화 재미없다"),
        ("영화 재미있다", "영화 재미있다"),
        ("날씨 좋다", "영화 재미없다"),
    ]
    features = Features((1, 2), Examples(Path("a"), [1, 2, 3], list(texts), ["1", "0", "1"]))
    rows = features(list(texts)).toarray()
    for row, (a, b) in zip(rows, texts, strict=True):
        A, B = (features.vectorizer.transform([text]).toarray()[0] for text in (a, b))
        np.testing.assert_allclose(row, np.concatenate([abs(A - B), A * B, [A @ B]]), atol=1e-6)
    assert rows[1][-1] == pytest.approx(1)  # the same text: cosine 1


def test_a_line_of_the_tsv() -> None:
    line = LeagueLine("a", "nsmc", "accuracy", "test", 50, 0.8, None, 1, [0.8], 0.05, True, None, None, None)
    assert line.cells() == [
        "a",
        "nsmc",
        "accuracy",
        "test",
        "50",
        "0.800000",
        "",
        "1",
        "",
        "",
        "",
        "",
        "True",
    ]
    many = replace(line, n=2, pooled=["a-0", "a-1"])
    assert many.cells()[7:9] == ["2", "a-0, a-1"]
    assert len(LeagueLine.columns()) == len(line.cells())
