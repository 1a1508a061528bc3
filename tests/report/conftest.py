"""A whole tiny run made by the real stages: corpus to league, two pretraining runs over the same shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.league.run import league
from tests.tiny.labelled import QUICK, write_table
from tests.tiny.pipeline import make_pipeline
from tests.tiny.runs import train
from tests.tiny.texts import LINES, write_raw

HOSTILE = "<script>alert('몰래')</script>"


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of a `malmoi run`: read it, copy it, do not change it."""
    folder = tmp_path_factory.mktemp("report")
    out = folder / "out"
    raw = write_raw(folder / "raw.txt", f"{HOSTILE}\n짧다")
    make_pipeline(raw, out, Context(origins={"corpus.heldout": "tiny.toml:3"}, workers=1))
    checkpoints = {
        name: train(out / "shards", out / "pretrain" / name, objective=name) for name in ("mlm", "electra")
    }
    rows = [[f"{HOSTILE if i == 0 else ''}{line} {i}", "가나"[i % 2]] for i, line in enumerate(LINES[:199])]
    task = FinetuneConfig(
        train=write_table(folder / "train.csv", "글,라벨", rows[:160]),
        test=write_table(
            folder / "test.csv", "글,라벨", [*rows[160:], [f"{HOSTILE} 끝줄 010-1234-5678", "나"]]
        ),
        text=("글",),
        label="라벨",
        lr=1e-3,
        max_len=32,
        **QUICK,
    )
    league(
        LeagueConfig(seeds=2), [task], checkpoints, out / "league", Context(origins={"league.seeds": "--set"})
    )
    return out
