"""A tiny model with a syllable vocabulary, and reviews whose label is in their words."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from malmoi.finetune.config import FinetuneConfig
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.hf.folder import write_model
from malmoi.model.sizes import EncoderConfig
from malmoi.tokenizer import load_tokenizer

GOOD = ["정말 재미있다", "최고의 영화", "감동이 있다", "다시 보고 싶다"]
BAD = ["정말 지루하다", "최악의 영화", "시간이 아깝다", "다시는 안 본다"]
WHO = ["나는", "친구는", "누나가", "우리는", "배우가", "감독이", "이 작품", "그 장면"]
HOW = ["솔직히", "역시", "생각보다", "그래도", "아주"]


def reviews(count: int, start: int = 0) -> str:
    """A csv of `count` reviews, half of them good."""
    lines = ["문장,감정"]
    for i in range(start, start + count):
        words = GOOD if i % 2 else BAD
        label = "좋음" if i % 2 else "나쁨"
        text = f"{WHO[i // 2 % len(WHO)]} {HOW[i // 16 % len(HOW)]} {words[i // 4 % len(words)]} {i}"
        lines.append(f"{text},{label}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A masked-LM checkpoint of 1 x 32 with its tokenizer."""
    folder = tmp_path_factory.mktemp("checkpoint") / "step-1"
    syllables = sorted({c for c in reviews(200) + "질문하나둘같음다름예아니" if not c.isspace()})
    folder.mkdir()
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *syllables, *("##" + c for c in syllables)]
    (folder / "vocab.txt").write_text("\n".join(entries) + "\n", "utf-8")
    load_tokenizer(folder).save(folder)
    shape = EncoderConfig(
        vocab_size=len(entries), hidden=32, layers=1, heads=2, ffn=64, max_positions=64, dropout=0.1
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        write_model(folder, MaskedLM(Encoder(shape), MlmHead(shape)))
    return folder


@pytest.fixture(scope="session")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("reviews")
    (folder / "train.csv").write_text(reviews(240), "utf-8")
    (folder / "test.csv").write_bytes(reviews(60, start=240).encode("cp949"))
    return folder


@pytest.fixture(scope="session")
def config(files: Path) -> FinetuneConfig:
    return FinetuneConfig(
        train=files / "train.csv",
        test=files / "test.csv",
        text=("문장",),
        label="감정",
        # Eight seeds of eight answer every test row right; at a rate of 5e-3 one stays at chance.
        epochs=5,
        lr=2e-3,
        batch_size=16,
        evals=4,
        threads=1,
        precision="fp32",
        device="cpu",
    )
