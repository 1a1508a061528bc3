"""The whole pipeline under names of old disks: a raw file and folders whose names are CP949 bytes, and every
`--out` a link to a folder on another disk."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.seeds import finetune_seeds
from malmoi.finetune.start import pretrained
from malmoi.league.config import LeagueConfig
from malmoi.league.run import league
from malmoi.pretrain.run import pretrain
from malmoi.progress import Reporter
from malmoi.tasks.data import read_task
from tests.tiny.heard import Heard
from tests.tiny.labelled import QUICK, write_table
from tests.tiny.pipeline import make_pipeline
from tests.tiny.runs import MODEL, training
from tests.tiny.texts import LINES, write_raw

SMALLER = MODEL.model_copy(update={"hidden": 16, "layers": 1})
TRAINING = training(steps=4, batch_size=4, checkpoint_every=2, heldout_rows=4, milestones=(0.5,))
STAGES = ("corpus", "tokenizer", "shards", "pretrain", "tuned", "league")


def old(name: str) -> str:
    """A name as an old Windows disk has it: CP949 bytes, which Python holds as lone surrogates."""
    return os.fsdecode(name.encode("cp949"))


def left_alone(heard: Heard) -> list[str]:
    """The artifacts that were up to date, in order."""
    return [str(values["path"]) for key, values in heard.said if key == "base.current"]


def walk(home: Path, out: Path, reporter: Reporter) -> None:
    """Every stage, from the raw text of `home` into the folders of `out`."""
    context = Context(reporter, workers=1)
    make_pipeline(home / "raw", out, context)
    pretrain(TRAINING, SMALLER, out / "shards", out / "pretrain", context)
    table = home / old("학습.csv")
    task = FinetuneConfig(name="뒷말", train=table, text=("글",), label="라벨", max_len=32, **QUICK)
    finetune_seeds(task, read_task(task), pretrained(out / "pretrain"), out / "tuned", context)
    checkpoints = {"run": out / "pretrain"}
    league(LeagueConfig(seeds=1, curve=True), [task], checkpoints, out / "league", context)


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`home/raw` and a table; `home/out/STAGE` are links into `home/큰 디스크`, made by every stage."""
    home = tmp_path_factory.mktemp("old") / old("한글 이름")
    disk = home / old("큰 디스크")
    for folder in (home / "raw", home / "out", disk):
        folder.mkdir(parents=True)
    write_raw(home / "raw" / old("옛날 글.txt"))
    rows = [[line, "가나"[line.endswith("듣는다.")]] for line in LINES[:120]]
    write_table(home / old("학습.csv"), "글,라벨", rows)
    for number, stage in enumerate(STAGES):
        if number % 2:
            (disk / stage).mkdir()  # the others' links lead to what is not there yet
        (home / "out" / stage).symlink_to(disk / stage)
    walk(home, home / "out", Heard())
    return home
