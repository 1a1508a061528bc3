"""A kind of task by one line: from a labelled file to a tuned model, its answers, the league and a page."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from malmoi.cli.main import run as malmoi
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.report.write import write_report
from malmoi.tasks.data import read_task
from malmoi.tasks.kinds import TASK_KINDS
from tests.extension.count import Count
from tests.tiny.labelled import HOW, WHO

QUICK = ("epochs=12", "lr=3e-3", "evals=3", "batch_size=16", "threads=1", "device=cpu", "precision=fp32")
SETS = [word for setting in QUICK for word in ("--set", f"finetune.{setting}")]


@pytest.fixture(autouse=True)
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TASK_KINDS, "count", Count)


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    """How often a review says that a film is fun: of our own sentences, as the command is told."""
    for name, start, count in (("train", 0, 240), ("test", 240, 60)):
        lines = ["글,번"]
        for i in range(start, start + count):
            times = i * 7 % 5
            lines.append(f"{WHO[i % 8]} {HOW[i % 5]} {'재미있다 ' * times}{i},{times}")
        (tmp_path / f"{name}.csv").write_text("\n".join(lines) + "\n", "utf-8")
    files = ["--train", str(tmp_path / "train.csv"), "--test", str(tmp_path / "test.csv")]
    return [*files, "--text", "글", "--label", "번", "--kind", "count"]


def said(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t"))


def test_it_learns_and_answers(
    options: list[str], checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    assert malmoi(["finetune", str(checkpoint), *options, "--out", str(out), *SETS, "--json"]) == 0
    (shown,) = [event for event in said(capsys) if event["event"] == "table"]
    assert shown["columns"] == ["split", "rows", "seeds", "Spearman", "Pearson", "RMSE"]
    scores = json.loads((out / "seed-0" / "scores.json").read_text("utf-8"))
    assert (scores["kind"], scores["metric"], scores["labels"]) == ("count", "rmse", [])
    assert scores["test"]["rmse"] < 0.8 < np.std(np.arange(5))  # what the mean alone would give: 1.41
    events = [json.loads(line) for line in (out / "seed-0" / "metrics.jsonl").read_text("utf-8").splitlines()]
    looks = [event["dev_rmse"] for event in events if "dev_rmse" in event]
    assert scores["dev"]["rmse"] < min(looks) + scores["dev"]["sampling_sd"]
    rows = table(out / "seed-0" / "predictions.tsv")
    assert list(rows[0]) == ["line", "gold", "predicted"] and len(rows) == 60
    errors = [float(row["predicted"]) - float(row["gold"]) for row in rows]
    assert np.sqrt(np.mean(np.square(errors))) == pytest.approx(scores["test"]["rmse"])

    assert malmoi(["predict", str(out), "우리는 역시 재미있다 재미있다", "--json"]) == 0
    result = said(capsys)[-1]["answers"][0]
    assert set(result) == {"text", "score"} and 0.5 < result["score"] < 3.5
    words = ["--file", str(tmp_path / "test.csv"), "--out", str(tmp_path / "answers.tsv")]
    assert malmoi(["predict", str(out), *words, "--json"]) == 0
    answers = table(tmp_path / "answers.tsv")
    assert list(answers[0]) == ["line", "score", "글"]
    found = [float(answer["score"]) for answer in answers]
    assert found == pytest.approx([float(row["predicted"]) for row in rows], rel=1e-4)


def test_it_has_a_league_and_a_page(
    options: list[str], checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sklearn")
    out = tmp_path / "league"
    words = ["league", "--checkpoint", f"mine={checkpoint}", *options, "--seeds", "2", "--out", str(out)]
    assert malmoi([*words, *SETS, "--json"]) == 0
    lines = json.loads((out / "table.json").read_text("utf-8"))
    assert {line["row"] for line in lines} == {"mine", "no-pretraining-1x32", "characters"}
    means = [line["mean"] for line in lines]
    assert means == sorted(means)  # an error: the smallest comes first, and is the best
    assert [line["best"] for line in lines] == [mean == means[0] for mean in means]
    (shown,) = [event for event in said(capsys) if event.get("title") == "league.table"]
    assert {row[2] for row in shown["rows"]} == {"RMSE"}
    assert [float(row[3].split()[0]) for row in shown["rows"]] == pytest.approx(means, rel=0.01)
    write_report(out, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "<h3>train · RMSE</h3>" in page
    assert re.findall(r'<td class="num score">([\d.]+)', page) == [f"{mean:.3f}" for mean in means]


def test_its_labels_are_checked(tmp_path: Path) -> None:
    path = tmp_path / "train.csv"
    config = FinetuneConfig(train=path, text=("글",), label="번", kind="count")
    path.write_text("글,번\n하나,1\n둘,두 번\n", "utf-8")
    with pytest.raises(MalmoiError) as caught:
        read_task(config)
    assert (caught.value.code, caught.value.where) == ("MM0624", f"{path}:3")
    path.write_text("글,번\n" + "".join(f"글 {i},2\n" for i in range(40)), "utf-8")
    with pytest.raises(MalmoiError) as caught:  # one answer to all is nothing to learn
        read_task(config)
    assert caught.value.code == "MM0606"
