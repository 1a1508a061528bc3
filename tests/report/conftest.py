"""A whole tiny run made by the real stages: corpus to league, two pretraining runs over the same shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.finetune.config import FinetuneConfig
from malmoi.league.config import LeagueConfig
from malmoi.league.run import league
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.run import pretrain
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.pretrain.conftest import sentences

HOSTILE = "<script>alert('몰래')</script>"
MODEL = ModelConfig(hidden=32, layers=2, heads=2, max_positions=32, dropout=0.0)
TRAINING = PretrainConfig(
    row_len=32,
    batch_size=8,
    steps=12,
    lr=3e-3,
    log_every=3,
    heldout_every=6,
    heldout_rows=16,
    checkpoint_every=6,
    precision="fp32",
    device="cpu",
    threads=1,
)


def train(shards: Path, out: Path, model: ModelConfig = MODEL, **changes: object) -> Path:
    """A run with some settings changed."""
    pretrain(TRAINING.model_copy(update=changes), model, shards, out)
    return out


@pytest.fixture(scope="session")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """OUT of a `malmoi run`: read it, copy it, do not change it."""
    folder = tmp_path_factory.mktemp("report")
    lines = sentences()
    documents = ["\n".join(lines[i :: len(lines) // 6]) for i in range(len(lines) // 6)]
    (folder / "raw.txt").write_text("\n\n".join(documents) + f"\n\n{HOSTILE}\n짧다", "utf-8")
    out = folder / "out"
    config = CorpusConfig(inputs=[str(folder / "raw.txt")], heldout=0.05)
    build_corpus(config, out / "corpus", Context(origins={"corpus.heldout": "tiny.toml:3"}, workers=1))
    train_tokenizer(TokenizerConfig(vocab_size=200), out / "corpus", out / "tokenizer")
    build_shards(ShardsConfig(), out / "corpus", out / "tokenizer", out / "shards")
    train(out / "shards", out / "pretrain" / "mlm")
    train(out / "shards", out / "pretrain" / "electra", objective=ElectraConfig())
    rows = [f"{HOSTILE if i == 0 else ''}{line} {i},{'가나'[i % 2]}" for i, line in enumerate(lines[:200])]
    (folder / "train.csv").write_text("\n".join(["글,라벨", *rows[:160]]), "utf-8")
    (folder / "test.csv").write_text(
        "\n".join(["글,라벨", *rows[160:199], f"{HOSTILE} 끝줄 010-1234-5678,나"]), "utf-8"
    )
    task = FinetuneConfig(
        train=folder / "train.csv",
        test=folder / "test.csv",
        text=("글",),
        label="라벨",
        epochs=1,
        evals=1,
        lr=1e-3,
        max_len=32,
        threads=1,
        device="cpu",
        precision="fp32",
    )
    checkpoints = {name: out / "pretrain" / name for name in ("mlm", "electra")}
    league(
        LeagueConfig(seeds=2), [task], checkpoints, out / "league", Context(origins={"league.seeds": "--set"})
    )
    return out
