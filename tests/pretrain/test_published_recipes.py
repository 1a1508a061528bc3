"""The recipes of Google's runs: each value is the published one, and two steps of each are made, in small."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from malmoi.config import read_recipe
from malmoi.finetune.config import FinetuneConfig
from malmoi.model.sizes import EncoderConfig
from malmoi.pipeline.recipe import Recipe, runs_of, tasks_of, tokenizers_of
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.run import RunConfig, pretrain
from malmoi.special import SpecialIds
from malmoi.training.optimizers import AdamWConfig

ROOT = Path(__file__).resolve().parents[2]
NAMES = ["electra-small", "electra-base", "bert-base"]
# Layers, hidden, embedding, heads, ffn; the same of ELECTRA's generator.
SHAPES: dict[str, list[tuple[int, ...]]] = {
    "electra-small": [(12, 256, 128, 4, 1024), (12, 64, 128, 1, 256)],
    "electra-base": [(12, 768, 768, 12, 3072), (12, 256, 768, 4, 1024)],
    "bert-base": [(12, 768, 768, 12, 3072)],
}
# Rows of a step, tokens of a row, steps, rate, slots of a row.
COSTS = {
    "electra-small": (128, 128, 1_000_000, 5e-4),
    "electra-base": (256, 512, 766_000, 2e-4),
    "bert-base": (256, 128, 1_000_000, 1e-4),
}
# Where smaller than published, so that a test can run it; nothing else is changed.
SMALL_MODEL = {"layers": 2, "hidden": 64, "heads": 2}
SMALL_RUN = {"batch_size": 4, "row_len": 64, "steps": 2, "device": "cpu", "precision": "fp32", "log_every": 1}


def read(name: str) -> tuple[Recipe, dict[str, str]]:
    return read_recipe(ROOT / "recipes" / f"{name}.toml", Recipe)


def shape(config: EncoderConfig) -> tuple[int, ...]:
    return config.layers, config.hidden, config.embedding, config.heads, config.ffn


@pytest.mark.parametrize("name", NAMES)
def test_each_plans_one_run_and_one_task_of_the_published_shape_and_cost(name: str) -> None:
    recipe, origins = read(name)
    assert list(tokenizers_of(recipe, origins)) == [""]
    (run,) = runs_of(recipe, origins).values()
    config = RunConfig(pretrain=run.pretrain, model=run.model)
    shapes = OBJECTIVES[run.pretrain.objective.name].load().shapes(config, SpecialIds(), 30522)
    assert [shape(one) for one in shapes] == SHAPES[name]
    assert (shapes[0].dropout, shapes[0].attention_dropout) == (0.1, 0.1)
    p = run.pretrain
    assert (p.batch_size, p.row_len, p.steps, p.lr) == COSTS[name]
    adamw = AdamWConfig(beta1=0.9, beta2=0.999, eps=1e-6, weight_decay=0.01, bias_correction=False)
    assert (p.optimizer, p.clip, p.warmup_steps) == (adamw, 1.0, 10_000)
    (task,) = tasks_of(recipe, origins)
    assert (task.schedule, task.optimizer, task.clip) == (p.schedule, adamw, 1.0)
    assert (task.epochs, task.batch_size, task.max_len, task.warmup) == (3, 32, 128, 0.1)
    assert (task.dropout, task.attention_dropout) == (0.1, 0.1)


@pytest.mark.parametrize("name", NAMES)
def test_every_value_has_its_source(name: str) -> None:
    """Beside each stands where it is from; of fine-tuning, where that is not what pretraining has."""
    text = (ROOT / "recipes" / f"{name}.toml").read_text("utf-8")
    before, _, finetuning = text.partition("[finetune]")
    ours = {"out", "inputs", "data", "heldout_every", "checkpoint_every"}
    assert unsourced(before) <= ours | {"objective.name"}
    told = {setting.partition(".")[0] for setting in unsourced(finetuning)}
    settings = read(name)[0].pretrain
    known = settings.model_fields_set | settings.objective.model_fields_set | {"attention_dropout"}
    assert told <= ours | known


def unsourced(text: str) -> set[str]:
    """The names whose values have no file, appendix or table beside them."""
    source = re.compile(r"# .*(\.py|\.json|A\.[23]|table \d)")
    return {line.split(" = ")[0] for line in text.splitlines() if " = " in line and not source.search(line)}


@pytest.mark.parametrize("name", NAMES)
def test_two_steps_of_each_in_small(name: str, shards: Path, tmp_path: Path) -> None:
    recipe, _ = read(name)
    narrow: dict[str, Any] = {"embedding": 32, "generator_width": 0.5} if "electra" in name else {}
    model = recipe.model.model_copy(update=SMALL_MODEL | narrow)
    config = recipe.pretrain.model_copy(update=SMALL_RUN)
    manifest = pretrain(config, model, shards, tmp_path / "run")
    assert manifest.state == "finished" and manifest.counts["step"] == 2
    entries = [entry for entry in read_journal(tmp_path / "run") if "lr" in entry]
    # The first update has rate 0; the second is one ten-thousandth up (ELECTRA: and halfway down, of two).
    falling = 0.5 if "electra" in name else 1.0
    assert [entry["lr"] for entry in entries] == [0.0, pytest.approx(config.lr / 10_000 * falling)]
    assert all(0 < entry["grad_norm"] < 1000 for entry in entries)


def test_the_fine_tuning_line_of_the_docs_is_that_of_the_recipe() -> None:
    for page in ("docs/finetune.md", "docs/ko/finetune.md"):
        text = (ROOT / page).read_text("utf-8").replace("\\\n", " ")
        (line,) = re.findall(r"malmoi finetune runs/electra-small .*", text)
        settings = [word for word in line.split() if word.startswith("finetune.")]
        found, _ = read_recipe(None, Recipe, ["out=x", "corpus.inputs=['x']", *settings])
        wanted = read("electra-small")[0].finetune
        assert isinstance(found.finetune, FinetuneConfig) and isinstance(wanted, FinetuneConfig)
        task = {"epochs", "batch_size", "max_len"}  # left to the task
        assert found.finetune.model_dump(exclude=task) == wanted.model_dump(exclude=task)
