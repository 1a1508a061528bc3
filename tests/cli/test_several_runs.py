"""`[runs.NAME]` and `[tasks.NAME]`: what they change, and the whole pipeline with two of each."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.cli.main import run
from malmoi.config import read_recipe
from malmoi.errors import MalmoiError
from malmoi.pipeline.recipe import Recipe, runs_of, tasks_of
from malmoi.pretrain.checkpoint import milestone_checkpoints
from tests.tiny.labelled import write_moods, write_table
from tests.tiny.texts import LINES, write_raw

RECIPE = """
out = "{folder}/out"
ask = ["할머니는 아침마다 빵을 굽는다"]

[corpus]
inputs = ["{folder}/raw.txt"]
heldout = 0.05

[tokenizer]
vocab_size = 200

[model]
hidden = 32
heads = 4
layers = 3
max_positions = 64
generator_width = 1.0

[pretrain]
weight_init = "cooccurrence"
row_len = 32
batch_size = 4
steps = 6
segment_pair_rate = 0.2
copy_rate = 0.3
log_every = 2
heldout_every = 3
milestones = [0.5]
device = "cpu"

[runs.bert]

[runs.electra.pretrain]
objective = "electra"
steps = 4

[finetune]
epochs = 1
evals = 1
device = "cpu"

[tasks.mood]
task = "table"
name = "mood"
train = "{folder}/mood.tsv"
text = ["text"]
label = "label"

[tasks.likeness]
task = "table"
name = "likeness"
kind = "regress"
train = "{folder}/likeness.tsv"
text = ["a", "b"]
label = "score"

[league]
seeds = 1
curve = true
"""


@pytest.fixture
def recipe(tmp_path: Path) -> Path:
    write_raw(tmp_path / "raw.txt")
    write_moods(tmp_path / "mood.tsv")
    pairs = ([LINES[i], LINES[i + 60], i % 5] for i in range(60))
    write_table(tmp_path / "likeness.tsv", "a,b,score", pairs)
    path = tmp_path / "recipe.toml"
    path.write_text(RECIPE.format(folder=tmp_path), "utf-8")
    return path


def test_changes_are_laid_over_the_sections(recipe: Path) -> None:
    config, origins = read_recipe(recipe, Recipe, ["runs.electra.model.dropout=0.0", "pretrain.lr=2e-3"])
    runs = runs_of(config, origins)
    assert list(runs) == ["pretrain/bert", "pretrain/electra"]
    bert, electra = runs.values()
    assert (bert.pretrain.objective.name, bert.pretrain.steps, bert.model.dropout) == ("mlm", 6, 0.1)
    assert (electra.pretrain.objective.name, electra.pretrain.steps, electra.model.dropout) == (
        "electra",
        4,
        0.0,
    )
    assert bert.pretrain.lr == electra.pretrain.lr == 2e-3
    tasks = tasks_of(config, origins)
    assert [(task.name, task.kind, task.epochs) for task in tasks] == [
        ("mood", None, 1),
        ("likeness", "regress", 1),
    ]


def test_one_run_without_a_name(recipe: Path) -> None:
    recipe.write_text(recipe.read_text("utf-8").partition("[runs.bert]")[0], "utf-8")
    config, origins = read_recipe(recipe, Recipe)
    assert list(runs_of(config, origins)) == ["pretrain"] and tasks_of(config, origins) == []


def test_a_mistake_in_a_change_names_its_line_and_the_nearest_key(recipe: Path) -> None:
    text = recipe.read_text("utf-8").replace("steps = 4", "stepps = 4")
    recipe.write_text(text, "utf-8")
    config, origins = read_recipe(recipe, Recipe)
    line = text.splitlines().index("stepps = 4") + 1
    with pytest.raises(MalmoiError) as raised:
        runs_of(config, origins)
    said = str(raised.value)
    assert "MM0003" in said and f"{recipe}:{line}" in said and "runs.electra.pretrain.steps" in said


def test_the_pipeline_with_two_runs_and_two_tasks(recipe: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--json", "run", str(recipe)]) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    table = next(event for event in reversed(events) if event["event"] == "result")["table"]
    rows = {line["row"] for line in table}
    names = {"no-pretraining-3x32", "no-pretraining-electra-3x32"}
    assert rows == {"bert", "electra", "characters"} | names
    assert {line["task"] for line in table} == {"mood", "likeness"}
    out = recipe.parent / "out"
    assert [path.name for path in milestone_checkpoints(out / "pretrain" / "electra")] == ["step-2", "step-4"]
    page = (out / "report.html").read_text("utf-8")
    assert "electra" in page and "likeness" in page and "<script" not in page

    before = (out / "league" / "table.json").read_bytes()
    assert run(["--quiet", "run", str(recipe)]) == 0  # everything is done: nothing is done again
    assert (out / "league" / "table.json").read_bytes() == before
