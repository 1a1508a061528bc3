"""Several tasks of different kinds and several architectures in one league, and the curve over milestones."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from malmoi.artifact.disk import locked
from malmoi.artifact.finished import read_manifest
from malmoi.cli.main import run as malmoi
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.char_ngrams import Features
from malmoi.league.config import LeagueConfig
from malmoi.league.curve import milestones, read_curve
from malmoi.league.entries import entries
from malmoi.league.run import league
from malmoi.league.table import LeagueLine
from malmoi.tasks.data import read_task
from malmoi.tasks.numbers import numbers
from malmoi.tasks.resample import resampled, sampling_sd
from tests.tiny.heard import Heard

Make = Callable[..., Path]


def scores(cell: Path) -> dict[str, Any]:
    return dict(json.loads((cell / "scores.json").read_text("utf-8")))


@pytest.fixture(scope="module")
def checkpoints(pretraining: Make) -> dict[str, Path]:
    return {
        "버트": pretraining("bert", (4,)),
        "electra": pretraining("electra", (4,), arch="electra", embedding=8),
        "깊은 버트": pretraining("deep", (4,), layers=2),
    }


@pytest.fixture(scope="module")
def played(
    checkpoints: dict[str, Path], three_tasks: list[FinetuneConfig], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[LeagueLine]]:
    out = tmp_path_factory.mktemp("several") / "league"
    return out, league(LeagueConfig(seeds=2), three_tasks, checkpoints, out)


def test_every_task_has_every_row_and_its_own_metric(played: tuple[Path, list[LeagueLine]]) -> None:
    out, lines = played
    assert list(dict.fromkeys((line.task, line.metric) for line in lines)) == [
        ("평", "macro_f1"),
        ("같은 말", "macro_f1"),
        ("닮은 정도", "spearman"),
    ]
    for task in ("평", "같은 말", "닮은 정도"):
        own = [line for line in lines if line.task == task]
        assert {line.row for line in own} == {
            "버트",
            "electra",
            "깊은 버트",
            "no-pretraining-1x16",
            "no-pretraining-electra-1x16",
            "no-pretraining-2x16",
            "characters",
        }
        means = [line.mean for line in own]
        assert means == sorted(means, reverse=True)
        assert [line.best for line in own] == [mean == means[0] for mean in means]
        against = {line.row: line.against for line in own if line.against}
        assert against == {
            "버트": "no-pretraining-1x16",
            "electra": "no-pretraining-electra-1x16",
            "깊은 버트": "no-pretraining-2x16",
        }
        for line in own:
            cells = sorted((out / "cells" / line.row / task).iterdir())
            assert line.values == [scores(cell)["test"][line.metric] for cell in cells]
            assert len(cells) == line.n == (1 if line.row == "characters" else 2)
            assert line.sampling_sd == pytest.approx(np.mean([drawn(cell, line.metric) for cell in cells]))
    assert json.loads((out / "table.json").read_text("utf-8")) == [line.as_dict() for line in lines]
    manifest = read_manifest(out)
    assert manifest.counts == {"cells": 3 * (6 * 2 + 1), "rows": 7, "tasks": 3}
    assert set(manifest.files) == {"table.json", "table.tsv"}  # the cells' own manifests answer for them


def drawn(cell: Path, metric: str) -> float:
    """The sampling sd of a cell's answers, from its predictions.tsv."""
    with (cell / "predictions.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    gold, predicted = ([row[name] for row in rows] for name in ("gold", "predicted"))
    if metric == "spearman":
        return sampling_sd(resampled(metric, np.array(gold, float), np.array(predicted, float)))
    places = {label: i for i, label in enumerate(sorted({*gold, *predicted}))}
    return sampling_sd(
        resampled(metric, *(np.array([places[label] for label in labels]) for labels in (gold, predicted)))
    )


def test_the_bag_of_characters_knows_pairs_and_scores(
    played: tuple[Path, list[LeagueLine]], three_tasks: list[FinetuneConfig]
) -> None:
    out, lines = played
    bag = {line.task: line.mean for line in lines if line.row == "characters"}
    assert bag["평"] == 1.0 and bag["닮은 정도"] > 0.8
    found = scores(out / "cells" / "characters" / "닮은 정도" / "seed-0")
    assert found["kind"] == "regress" and ("alpha" in found["chosen"]) != ("cosine" in found["chosen"])
    data = read_task(three_tasks[2])
    assert data.test is not None
    cosine = Features((1, 2), data.train)(data.test.texts).toarray()[:, -1]
    plain = stats.spearmanr(cosine, numbers(data.test)).statistic
    assert plain > 0.5 and found["test"]["spearman"] > plain - 0.05  # never much below what needs no training
    predictions = (out / "cells" / "characters" / "닮은 정도" / "seed-0" / "predictions.tsv").read_text(
        "utf-8"
    )
    assert predictions.startswith("line\tgold\tpredicted\n")


def test_a_league_in_use_is_left_alone(
    played: tuple[Path, list[LeagueLine]], checkpoints: dict[str, Path], three_tasks: list[FinetuneConfig]
) -> None:
    with locked(played[0]), pytest.raises(MalmoiError, match="MM0006"):
        league(LeagueConfig(seeds=2), three_tasks, checkpoints, played[0])


def test_two_tasks_of_one_name_are_refused(
    checkpoints: dict[str, Path], three_tasks: list[FinetuneConfig], tmp_path: Path
) -> None:
    nameless = [task.model_copy(update={"name": ""}) for task in three_tasks]
    with pytest.raises(MalmoiError) as caught:
        league(LeagueConfig(), nameless, checkpoints, tmp_path / "league")
    assert (caught.value.code, caught.value.what) == ("MM0705", "two tasks are called 'train'.")
    assert not (tmp_path / "league").exists()


@pytest.mark.parametrize(
    ("rows", "code", "said"),
    [
        (["A", "a"], "MM0702", "the name 'a' is taken."),
        (["characters"], "MM0702", "the name 'characters' is taken."),
        (["../out"], "MM0704", "'../out' cannot be a name."),
    ],
)
def test_rows_that_cannot_be_folders_of_their_own_are_refused(
    rows: list[str],
    code: str,
    said: str,
    checkpoints: dict[str, Path],
    three_tasks: list[FinetuneConfig],
    tmp_path: Path,
) -> None:
    one = next(iter(checkpoints.values()))
    with pytest.raises(MalmoiError) as caught:
        league(LeagueConfig(), three_tasks, dict.fromkeys(rows, one), tmp_path / "league")
    assert (caught.value.code, caught.value.what) == (code, said)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("change", "code"),
    [({"head": "pooler"}, "MM0412"), ({"max_len": 33}, "MM0619"), ({"label": "없는 열"}, "MM0603")],
)
def test_what_cannot_be_stops_before_the_first_cell(
    change: dict[str, Any],
    code: str,
    checkpoints: dict[str, Path],
    three_tasks: list[FinetuneConfig],
    tmp_path: Path,
) -> None:
    tasks = [*three_tasks[:2], three_tasks[2].model_copy(update=change)]
    heard = Heard()
    with pytest.raises(MalmoiError) as caught:
        league(LeagueConfig(), tasks, checkpoints, tmp_path / "league", Context(heard))
    assert caught.value.code == code
    assert not (tmp_path / "league").exists() and "league.cell" not in heard.keys


def test_the_curve_has_the_milestones_between_nothing_and_the_last(
    pretraining: Make, three_tasks: list[FinetuneConfig], tmp_path: Path
) -> None:
    run = pretraining("long", (2, 4, 5, 8), (0.25, 0.5))
    single = run / "checkpoints" / "step-5"
    tasks, out = [three_tasks[0], three_tasks[2]], tmp_path / "league"
    config = LeagueConfig(seeds=2, characters=False, curve=True)
    lines = {
        (line.task, line.row): line for line in league(config, tasks, {"위키": run, "다섯": single}, out)
    }
    points = read_curve(out)
    assert [(p.row, p.task, p.metric, p.step, p.tokens, p.n) for p in points] == [
        ("위키", task, metric, *place)
        for task, metric in (("평", "macro_f1"), ("닮은 정도", "spearman"))
        for place in ((0, 0, 2), (2, 2000, 1), (4, 4000, 1), (8, 8000, 2))  # step 5 is no milestone
    ]
    for task in ("평", "닮은 정도"):
        own = [point for point in points if point.task == task]
        assert own[0].values == lines[task, "no-pretraining-1x16"].values
        assert (own[-1].values, own[-1].sd) == (lines[task, "위키"].values, lines[task, "위키"].sd)
        cell = out / "curve" / "위키" / "step-4" / task / "seed-0"
        assert own[2].values == [scores(cell)["test"][own[2].metric]] and own[2].sd is None
        assert not (cell / "model").exists() and (cell / "predictions.tsv").exists()
    assert {line.row for line in lines.values()} == {"위키", "다섯", "no-pretraining-1x16"}

    heard = Heard()
    more = LeagueConfig(seeds=2, characters=False, curve=True, curve_seeds=2)
    league(more, tasks, {"위키": run, "다섯": single}, out, Context(heard))
    assert heard.keys.count("finetune.start") == 2 * 2  # one seed more of two milestones
    last = [values for key, values in heard.said if key == "league.cell"][-1]
    assert last["done"] == last["total"] == 2 * (3 * 2 + 2 * 2)
    league(LeagueConfig(seeds=2, characters=False), tasks, {"위키": run}, out)
    assert read_curve(out) == []  # a curve of another league is not left lying


def test_a_curve_of_chosen_tasks(
    pretraining: Make, three_tasks: list[FinetuneConfig], tmp_path: Path
) -> None:
    run = pretraining("chosen", (2, 4), (0.5,))
    tasks, out = [three_tasks[0], three_tasks[2]], tmp_path / "league"
    config = LeagueConfig(seeds=1, characters=False, curve=True, curve_tasks=("닮은 정도",))
    heard = Heard()
    league(config, tasks, {"위키": run}, out, Context(heard))
    assert {(p.task, p.step) for p in read_curve(out)} == {("닮은 정도", step) for step in (0, 2, 4)}
    last = [values for key, values in heard.said if key == "league.cell"][-1]
    assert last["done"] == last["total"] == 2 * 2 + 1
    with pytest.raises(MalmoiError, match=r"MM0706.*없는 과제"):
        league(config.model_copy(update={"curve_tasks": ("없는 과제",)}), tasks, {"위키": run}, out)


def test_a_damaged_record_of_a_milestone(pretraining: Make) -> None:
    run = pretraining("broken", (2, 4), (0.5,))
    (row,) = entries({"a": run}, no_pretraining=False, characters=False)
    assert [one.tokens for one in milestones(row)] == [2000, 4000]
    (run / "checkpoints" / "step-2" / "checkpoint.json").write_text('{"step": 2}', "utf-8")
    with pytest.raises(MalmoiError, match="MM0013"):
        milestones(row)


def test_as_typed(
    pretraining: Make, three_tasks: list[FinetuneConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    task, run = three_tasks[2], pretraining("typed", (2, 4), (0.5,))
    words = ["league", "--checkpoint", f"위키={run}", "--train", str(task.train), "--test", str(task.test)]
    words += ["--text", "글,짝", "--label", "라벨", "--kind", "regress", "--seeds", "1", "--curve"]
    quick = ["epochs=1", "lr=2e-3", "evals=1", "threads=1", "device=cpu", "precision=fp32"]
    sets = [word for setting in quick for word in ("--set", f"finetune.{setting}")]
    assert malmoi([*words, *sets, "--out", str(tmp_path / "league"), "--json"]) == 0
    seen = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    table, curve = [event for event in seen if event["event"] == "table"]
    assert table["columns"] == ["model", "task", "metric", "score", "seeds", "gain"]
    assert {row[2] for row in table["rows"]} == {"Spearman"}
    assert curve["columns"] == ["model", "task", "metric", "tokens", "score"]
    ((row, name, metric, tokens, values),) = curve["rows"]
    assert (row, name, metric, tokens) == ("위키", "train", "Spearman", "0 → 0.002M → 0.004M")
    assert values.count(" → ") == 2
    assert [point["tokens"] for point in seen[-1]["curve"]] == [0, 2000, 4000]
    sampling = [event for event in seen if event.get("key") == "league.sampling"]
    assert len(sampling) == 1
