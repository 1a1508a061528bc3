"""A metric by one line: a recipe names it, it chooses, and the table and the page have it."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest

from malmoi.cli.main import run as malmoi
from malmoi.config import Section, read_recipe
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.report.write import write_report
from malmoi.tasks.data import task_of
from malmoi.tasks.metrics import METRICS
from tests.extension.within_one import WITHIN_ONE
from tests.tiny.labelled import HOW, WHO

WORDS = {"최악의 영화": 1, "정말 지루하다": 2.5, "감동이 있다": 6, "최고의 영화": 9}
RECIPE = """
[finetune]
train = "{folder}/train.csv"
test = "{folder}/test.csv"
text = "글"
label = "별"
kind = "regress"
metric = "within_one"
epochs = 10
lr = 2e-3
batch_size = 16
evals = 3
threads = 1
device = "cpu"
precision = "fp32"

[league]
seeds = 2
"""


class Sections(Section):
    finetune: FinetuneConfig = FinetuneConfig()


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(METRICS, "within_one", WITHIN_ONE)


def test_it_chooses_and_is_shown(
    checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    for name, start, count in (("train", 0, 240), ("test", 240, 60)):
        lines = ["글,별"]
        for i in range(start, start + count):
            words, stars = list(WORDS.items())[i % 4]
            lines.append(f"{WHO[i % 8]} {HOW[i % 5]} {words} {i},{stars + i % 3 / 2}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    (tmp_path / "recipe.toml").write_text(RECIPE.format(folder=tmp_path), "utf-8")
    out = tmp_path / "league"
    words = ["league", "--checkpoint", f"mine={checkpoint}", "--recipe", str(tmp_path / "recipe.toml")]
    assert malmoi([*words, "--out", str(out), "--json"]) == 0
    with (out / "table.tsv").open(encoding="utf-8", newline="") as stream:
        lines = list(csv.DictReader(stream, delimiter="\t"))
    assert {line["metric"] for line in lines} == {"within_one"}
    means = [float(line["mean"]) for line in lines]
    assert means == sorted(means, reverse=True) and means[0] > 0.6
    for row in ("mine", "characters"):
        cell = out / "cells" / row / "train" / "seed-0"
        scores = json.loads((cell / "scores.json").read_text("utf-8"))
        with (cell / "predictions.tsv").open(encoding="utf-8", newline="") as stream:
            answers = list(csv.DictReader(stream, delimiter="\t"))
        near = [abs(float(one["predicted"]) - float(one["gold"])) <= 1 for one in answers]
        assert scores["test"]["within_one"] == sum(near) / 60
        assert {"spearman", "pearson", "rmse", "sampling_sd"} <= set(scores["test"])
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    (shown,) = [event for event in events if event.get("title") == "league.table"]
    assert {row[2] for row in shown["rows"]} == {"within_one"}
    assert [float(row[3].split()[0]) for row in shown["rows"]] == [round(100 * mean, 2) for mean in means]
    write_report(out, tmp_path / "page.html")
    assert "<h3>train · within_one (%)</h3>" in (tmp_path / "page.html").read_text("utf-8")


def test_the_recipe_says_which_there_are(tmp_path: Path) -> None:
    own = ["finetune.train=a.csv", "finetune.text=글", "finetune.label=별", "finetune.metric=within_one"]
    config, _ = read_recipe(None, Sections, [*own, "finetune.kind=regress"])
    assert task_of(config.finetune).metric == "within_one"
    with pytest.raises(MalmoiError, match=r"MM0004.*'accuracy', .*, 'within_one'"):
        read_recipe(None, Sections, ["finetune.metric=within_two"])
    config, _ = read_recipe(None, Sections, own)  # of classes
    with pytest.raises(MalmoiError) as caught:
        task_of(config.finetune)
    assert caught.value.what == "the metric within_one cannot score what a answers."
    assert caught.value.do == "choose one of this task's metrics (accuracy, macro_f1), or leave metric out."
    config, _ = read_recipe(None, Sections, ["finetune.task=korsts", "finetune.metric=rmse"])
    assert task_of(config.finetune).metric == "rmse"
