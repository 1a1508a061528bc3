"""A small real pipeline for the tests of training: authored sentences → corpus → tokenizer → shards."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer

WHO = ["할머니는", "동생은", "옆집 아저씨는", "선생님은", "우리 팀장은", "고양이는", "화가는", "어부는"]
WHEN = ["아침마다", "비가 오면", "주말에", "해가 지면", "가끔", "겨울에도"]
WHERE = ["부엌에서", "골목 끝에서", "강가에서", "도서관에서", "시장 안에서", "옥상에서"]
WHAT = ["라디오를 듣는다", "그림을 그린다", "빵을 굽는다", "편지를 쓴다", "노래를 부른다", "꽃에 물을 준다"]

MODEL = ModelConfig(hidden=32, layers=2, heads=2, max_positions=32, dropout=0.1)
TRAINING = PretrainConfig(
    row_len=32,
    batch_size=8,
    steps=12,
    lr=3e-3,
    log_every=3,
    heldout_every=6,
    heldout_rows=16,
    checkpoint_every=4,
    precision="fp32",
    device="cpu",
    threads=1,
    keep=2,
)


def sentences() -> list[str]:
    return [
        f"{who} {when} {where} {what}." for who in WHO for when in WHEN for where in WHERE for what in WHAT
    ]


@pytest.fixture(scope="session")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with corpus/, tokenizer/ and shards/ made by the real stages."""
    folder = tmp_path_factory.mktemp("pipeline")
    lines = sentences()
    documents = ["\n".join(lines[i :: len(lines) // 6]) for i in range(len(lines) // 6)]
    (folder / "raw.txt").write_text("\n\n".join(documents), "utf-8")
    config = CorpusConfig(inputs=[str(folder / "raw.txt")], heldout=0.05)
    build_corpus(config, folder / "corpus", Context(workers=1))
    train_tokenizer(TokenizerConfig(vocab_size=200), folder / "corpus", folder / "tokenizer")
    build_shards(ShardsConfig(), folder / "corpus", folder / "tokenizer", folder / "shards")
    return folder


@pytest.fixture(scope="session")
def shards(pipeline: Path) -> Path:
    return pipeline / "shards"
