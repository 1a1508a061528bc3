"""Every shipped recipe parses, and the reference and schema are those of the code."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from malmoi.cli.reference import markdown, schema
from malmoi.config import read_recipe, valid_keys
from malmoi.pipeline.recipe import Recipe, runs_of, tasks_of, tokenizers_of

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda p: p.stem)
def test_recipe_parses(path: Path) -> None:
    recipe, origins = read_recipe(path, Recipe)
    assert recipe.out and recipe.corpus.inputs
    assert runs_of(recipe, origins) and tasks_of(recipe, origins) and tokenizers_of(recipe, origins)
    lines = path.read_text("utf-8").splitlines()
    for key, origin in origins.items():
        file, _, line = origin.rpartition(":")
        *tables, name = key.split(".")
        assert file == str(path) and re.search(rf"\b{re.escape(name)}\b", lines[int(line) - 1]), key
        # Of two keys of one name the right one: the table's name stands in the line or above it.
        assert not tables or tables[0] in "\n".join(lines[: int(line)]), key


def test_make_demo_runs_the_shipped_recipe_on_the_sample_it_wrote() -> None:
    lines = re.findall(r"\$\(BIN\)/malmoi (.*)", (ROOT / "Makefile").read_text("utf-8"))
    (sample, pipeline) = [shlex.split(line) for line in lines]
    assert (sample[0], pipeline[0]) == ("sample", "run")
    recipe, origins = read_recipe(ROOT / pipeline[1], Recipe, [])
    assert len(pipeline) == 2 and all(entry.startswith(sample[1]) for entry in recipe.corpus.inputs)
    tasks = tasks_of(recipe, origins)
    assert tasks and all(str(task.data).startswith(sample[1]) for task in tasks)
    runs = runs_of(recipe, origins)
    assert {run.pretrain.objective.name for run in runs.values()} == {"mlm", "electra"}


def test_there_are_recipes() -> None:
    assert {"demo", "real-cpu"} <= {path.stem for path in RECIPES}


def test_reference_and_schema_are_up_to_date() -> None:
    again = "run: python -m malmoi.cli.reference"
    assert (ROOT / "docs" / "recipes.md").read_text("utf-8") == markdown(), again
    assert (ROOT / "recipes" / "schema.json").read_text("utf-8") == schema(), again


def test_every_setting_is_described() -> None:
    page = markdown()
    for key in valid_keys(Recipe):
        assert any(
            f"| `{end}` |" in page for end in (key.rpartition(".")[2], ".".join(key.split(".")[-2:]))
        ), key
    assert "| None |" not in page
