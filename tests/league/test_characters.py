"""What the character n-gram baseline is chosen by: dev, and nothing that test says."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest

from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.league.run import league
from malmoi.tasks.data import read_task

pytest.importorskip("sklearn")

LABELS = ("같음", "다름")


def write(path: Path, first: int, swapped: bool = False) -> None:
    """Texts whose label lies in two syllables with two others between them: whether both are of one kind.
    No n-gram shorter than four holds both, so only (1, 4) can tell, and all others guess."""
    lines = ["글,라벨"]
    for i, (start, end) in enumerate(product("가나", "다라")):
        label = LABELS[((start == "나") != (end == "라")) != swapped]
        lines += [f"{start}은는{end} {first + 4 * k + i},{label}" for k in range(20)]
    path.write_text("\n".join(lines) + "\n", "utf-8")


def test_dev_chooses_and_not_test(tmp_path: Path) -> None:
    """Test has the labels of dev swapped, so what is best on dev is the worst there: all wrong."""
    for name, first, swapped in (("train", 0, False), ("dev", 100, False), ("test", 200, True)):
        write(tmp_path / f"{name}.csv", first, swapped)
    task = FinetuneConfig(
        train=tmp_path / "train.csv",
        dev=tmp_path / "dev.csv",
        test=tmp_path / "test.csv",
        text=("글",),
        label="라벨",
    )
    assert len(read_task(task).dev) == 80
    league(LeagueConfig(no_pretraining=False), [task], {}, tmp_path / "league")
    cell = tmp_path / "league" / "cells" / "characters" / "train" / "seed-0"
    found = json.loads((cell / "scores.json").read_text("utf-8"))
    assert found["chosen"]["ngrams"] == [1, 4]
    assert (found["dev"]["accuracy"], found["test"]["accuracy"]) == (1.0, 0.0)
