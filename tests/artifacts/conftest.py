"""The whole pipeline under names of old disks: a raw file and folders whose names are CP949 bytes, and every
`--out` a link to a folder on another disk."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.seeds import finetune_seeds
from malmoi.finetune.start import pretrained
from malmoi.league.config import LeagueConfig
from malmoi.league.run import league
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.run import pretrain
from malmoi.progress import Reporter
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tasks.data import read_task
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.pretrain.conftest import sentences

MODEL = ModelConfig(hidden=16, layers=1, heads=2, max_positions=32, dropout=0.0)
TRAINING = PretrainConfig(
    row_len=32,
    batch_size=4,
    steps=4,
    log_every=2,
    heldout_rows=4,
    checkpoint_every=2,
    milestones=(0.5,),
    precision="fp32",
    device="cpu",
    threads=1,
)
STAGES = ("corpus", "tokenizer", "shards", "pretrain", "tuned", "league")


def old(name: str) -> str:
    """A name as an old Windows disk has it: CP949 bytes, which Python holds as lone surrogates."""
    return os.fsdecode(name.encode("cp949"))


@dataclass
class Heard(Reporter):
    """Keeps what is said and warned of."""

    said: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    warned: list[tuple[str, str | None, dict[str, Any]]] = field(default_factory=list)

    def say(self, key: str, **values: Any) -> None:
        self.said.append((key, values))

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        self.warned.append((code, where, values))

    @property
    def left_alone(self) -> list[str]:
        """The artifacts that were up to date, in order."""
        return [str(values["path"]) for key, values in self.said if key == "base.current"]


def task_of(home: Path) -> FinetuneConfig:
    return FinetuneConfig(
        name="뒷말",
        train=home / old("학습.csv"),
        text=("글",),
        label="라벨",
        epochs=1,
        evals=1,
        max_len=32,
        threads=1,
        device="cpu",
        precision="fp32",
    )


def walk(home: Path, out: Path, reporter: Reporter) -> None:
    """Every stage, from the raw text of `home` into the folders of `out`."""
    build_corpus(
        CorpusConfig(inputs=[str(home / "raw")], heldout=0.05), out / "corpus", Context(reporter, workers=1)
    )
    train_tokenizer(TokenizerConfig(vocab_size=200), out / "corpus", out / "tokenizer", Context(reporter))
    build_shards(ShardsConfig(), out / "corpus", out / "tokenizer", out / "shards", Context(reporter))
    pretrain(TRAINING, MODEL, out / "shards", out / "pretrain", Context(reporter))
    task = task_of(home)
    finetune_seeds(task, read_task(task), pretrained(out / "pretrain"), out / "tuned", Context(reporter))
    league(
        LeagueConfig(seeds=1, curve=True),
        [task],
        {"run": out / "pretrain"},
        out / "league",
        Context(reporter),
    )


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`home/raw` and a table; `home/out/STAGE` are links into `home/큰 디스크`, made by every stage."""
    home = tmp_path_factory.mktemp("old") / old("한글 이름")
    disk = home / old("큰 디스크")
    for folder in (home / "raw", home / "out", disk):
        folder.mkdir(parents=True)
    lines = sentences()
    text = "\n\n".join("\n".join(lines[i::48]) for i in range(48))
    (home / "raw" / old("옛날 글.txt")).write_text(text, "utf-8")
    rows = [f"{line},{'가나'[line.endswith('듣는다.')]}" for line in lines[:120]]
    (home / old("학습.csv")).write_text("\n".join(["글,라벨", *rows]), "utf-8")
    for number, stage in enumerate(STAGES):
        if number % 2:
            (disk / stage).mkdir()  # the others' links lead to what is not there yet
        (home / "out" / stage).symlink_to(disk / stage)
    walk(home, home / "out", Heard())
    return home
