"""Names that become folders, and folders laid out for another recipe."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.messages import set_language
from malmoi.pipeline.recipe import Recipe, _check_names, check_layout, runs_of, tasks_of, tokenizers_of
from malmoi.tasks.config import TaskConfig
from malmoi.tasks.data import task_of


@pytest.mark.parametrize(
    "names",
    [
        ["가" * 67],
        ["manifest.json"],
        ["a\nb"],
        ["a\x07"],
        ["a\0b"],
        ["../../../outside/x"],
        ["a\\b"],
        [".."],
        [""],
        [" a"],
        ["a."],
        ["둘:셋"],
        ["con"],
        ["NUL.txt"],
        ["Plain", "plain"],
        ["말", unicodedata.normalize("NFD", "말")],
    ],
)
def test_names_that_no_folder_can_have(names: list[str]) -> None:
    with pytest.raises(MalmoiError, match="MM0805"):
        _check_names("runs", names, {})


def test_names_that_are_fine() -> None:
    _check_names("runs", ["가" * 66, "말모이 둘", "plain-2", "manifest", "console", "v1.2"], {})


@pytest.mark.parametrize("name", ["../../../outside/x", "감정/분류", "..", "a\0b", "가" * 67, "con", "a\n"])
def test_a_tasks_name_is_checked_as_a_runs(name: str, tmp_path: Path) -> None:
    """Where the recipe is read, and wherever a task is read without one; nothing is written."""
    origins = {"tasks.x.name": "r.toml:7"}
    recipe = Recipe.model_validate({"out": "o", "corpus": {}, "tasks": {"x": {"task": "nsmc", "name": name}}})
    set_language("en")
    with pytest.raises(MalmoiError) as caught:
        tasks_of(recipe, origins)
    shown = name if name.isprintable() else repr(name)
    assert (caught.value.code, caught.value.where) == ("MM0805", "r.toml:7")
    assert caught.value.what == f"tasks.x.name: '{shown}' cannot be a name."
    for task in (
        TaskConfig(task="nsmc", name=name, data=tmp_path),
        TaskConfig(name=name, train=tmp_path / "t.csv", text=("a",), label="b"),
    ):
        with pytest.raises(MalmoiError, match="MM0805"):
            task_of(task)


def test_a_section_with_a_training_file_is_a_task_of_its_name() -> None:
    own = {"train": "a.csv", "text": "글", "label": "라벨"}
    recipe = Recipe.model_validate(
        {"out": "o", "corpus": {}, "tasks": {"감정": own, "nsmc": {"train": "b.csv"}}}
    )
    assert [(task.task, task.name) for task in tasks_of(recipe, {})] == [("table", "감정"), ("nsmc", "")]
    with pytest.raises(MalmoiError, match="MM0805"):
        tasks_of(Recipe.model_validate({"out": "o", "corpus": {}, "tasks": {"../x": own}}), {})


def test_names_are_composed() -> None:
    """A recipe written on macOS may have its names as letters; folders and rows have syllables."""
    letters = unicodedata.normalize("NFD", "말뭉치")
    recipe = Recipe.model_validate(
        {"out": "o", "corpus": {}, "tokenizers": {letters: {}}, "runs": {letters: {"tokenizer": "말뭉치"}}}
    )
    assert list(tokenizers_of(recipe, {})) == ["말뭉치"]
    assert {name: run.tokenizer for name, run in runs_of(recipe, {}).items()} == {"pretrain/말뭉치": "말뭉치"}
    assert task_of(TaskConfig(task="nsmc", name=letters)).name == "말뭉치"


def test_a_file_gives_its_task_a_name_that_a_folder_can_have() -> None:
    def name(file: str) -> str:
        return task_of(TaskConfig(train=Path(file), text=("a",), label="b")).name

    assert name("data/train.csv") == "train"
    assert name("감정: 분류?.csv") == "감정 분류"
    assert name(os.fsdecode("감정.csv".encode("cp949"))) == "감정"
    assert name(unicodedata.normalize("NFD", "감정") + ".csv") == "감정"
    assert name("con.csv") == "_con"
    assert name("가" * 80 + ".csv") == "가" * 66


def test_a_run_is_not_hidden_by_several(tmp_path: Path) -> None:
    (tmp_path / "pretrain").mkdir()
    (tmp_path / "pretrain" / "manifest.json").write_text("{}")
    check_layout(tmp_path, [""], ["pretrain"])
    with pytest.raises(MalmoiError, match="MM0806"):
        check_layout(tmp_path, [""], ["pretrain/a"])
    (tmp_path / "pretrain" / "manifest.json").unlink()
    (tmp_path / "pretrain" / "a").mkdir()
    (tmp_path / "pretrain" / "a" / "manifest.json").write_text("{}")
    check_layout(tmp_path, [""], ["pretrain/a"])
    with pytest.raises(MalmoiError, match="MM0806"):
        check_layout(tmp_path, [""], ["pretrain"])
