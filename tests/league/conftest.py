"""Tiny pretraining runs (untrained weights) of BERT and ELECTRA, and tasks of three kinds."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from malmoi.finetune.config import FinetuneConfig
from tests.tiny.checkpoints import write_checkpoint
from tests.tiny.labelled import QUICK, write_table

WORDS = {"좋음": ["재미있다", "최고다", "감동이다"], "나쁨": ["지루하다", "최악이다", "아깝다"]}
SMALL = {"hidden": 16, "layers": 1, "heads": 2, "ffn": 32, "max_positions": 32}


@pytest.fixture(scope="session")
def pretraining(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Makes a finished run with a checkpoint at each of `steps`; 1,000 tokens a step."""

    def make(
        name: str, steps: tuple[int, ...], milestones: tuple[float, ...] = (), seed: int = 0, **shape: object
    ) -> Path:
        run = tmp_path_factory.mktemp("runs") / name / "pretrain"
        for step in steps:
            folder = run / "checkpoints" / f"step-{step}"
            letters = "재미있다최고감동이지루하악아깝영화의"
            config = write_checkpoint(folder, letters, step + 1000 * seed, **SMALL | shape)
            record = {"step": step, "tokens": 1000 * step, "files": {}}
            (folder / "checkpoint.json").write_text(json.dumps(record), "utf-8")
        pretrain = {"steps": steps[-1], "milestones": list(milestones), "seed": seed}
        pretrain["objective"] = "electra" if config.arch == "electra" else "mlm"
        told = {"pretrain": pretrain, "model": {name: getattr(config, name) for name in SMALL}}
        manifest = {"stage": "pretrain", "state": "finished", "key": "k", "config": told}
        (run / "manifest.json").write_text(json.dumps(manifest), "utf-8")
        return run

    return make


@pytest.fixture(scope="session")
def three_tasks(tmp_path_factory: pytest.TempPathFactory) -> list[FinetuneConfig]:
    """Classes of one text, classes of a pair, scores of a pair: 160 training rows and 40 test rows each."""
    everything = [word for some in WORDS.values() for word in some]
    generator = np.random.default_rng(0)
    tasks: dict[str, list[list[str]]] = {"평": [], "같은 말": [], "닮은 정도": []}
    for i in range(200):
        label = ("좋음", "나쁨")[i % 2]
        a, b = (str(word) for word in generator.choice(everything, 2))
        tasks["평"].append([f"영화 {i} {WORDS[label][i // 2 % 3]}", label])
        tasks["같은 말"].append([f"영화 {i} {a}", f"영화 {i} {a if i % 2 else b}", "0" if i % 2 else "1"])
        tasks["닮은 정도"].append(
            [f"영화 {i} {a}", f"영화 {i} {b}", str(5 * len(set(a) & set(b)) / len(set(a) | set(b)))]
        )
    configs = []
    for name, rows in tasks.items():
        folder = tmp_path_factory.mktemp("tasks")
        pair = len(rows[0]) == 3
        columns = "글,짝,라벨" if pair else "글,라벨"
        configs.append(
            FinetuneConfig(
                name=name,
                train=write_table(folder / "train.csv", columns, rows[:160]),
                test=write_table(folder / "test.csv", columns, rows[160:]),
                text=tuple(columns.split(",")[:-1]),
                label="라벨",
                lr=2e-3,
                kind="regress" if name == "닮은 정도" else "classify",
                **QUICK,
            )
        )
    return configs
