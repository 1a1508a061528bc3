"""An analyzer by one line: a vocabulary learned with it, texts cut by it, shards, and its folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from malmoi.analyzers import ANALYZERS, open_analyzer
from malmoi.config import read_recipe
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.pipeline.recipe import Recipe
from malmoi.shards.check import verify_shards
from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD, Shards
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.extension.particles import PARTICLES
from tests.tiny.pipeline import add_shards

LEARN = {"analyzer": "particles", "vocab_size": 184, "min_frequency": 1}
TEXT = "할머니는 도서관에서 노래도 편지를 쓴다."


@pytest.fixture(autouse=True)
def particles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ANALYZERS, "particles", PARTICLES)


def test_the_recipe_knows_it() -> None:
    config, _ = read_recipe(None, Recipe, ["out=x", "corpus.urls=keep", "tokenizer.analyzer=particles"])
    assert config.tokenizer.analyzer == "particles"
    with pytest.raises(MalmoiError, match="'kiwi', 'mecab', 'particles'"):
        read_recipe(None, Recipe, ["out=x", "corpus.urls=keep", "tokenizer.analyzer=particle"])


def test_words_of_the_user_stay_whole(tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("할머니는\tNNP\n", "utf-8")
    found = open_analyzer("particles", tmp_path / "words.txt").analyze(["", TEXT])
    assert found.counts.tolist() == [0, 8]
    assert found.lemmas == ["할머니는", "도서관", "에서", "노래", "도", "편지", "를", "쓴다."]


@pytest.mark.parametrize("kind", ["morpheme", "morpheme-wordpiece"])
def test_from_a_corpus_to_shards(pipeline: Path, tmp_path: Path, kind: str) -> None:
    add_shards(pipeline / "corpus", tmp_path, kind=kind, **LEARN)
    tokenizer = load_tokenizer(tmp_path / "tokenizer")
    found = tokenizer.encode_batch([TEXT])
    shown = [TEXT[a:b] for a, b in found.spans[1:-1].tolist()]
    assert "".join(shown) == TEXT.replace(" ", "") and {"할머니", "는", "도서관", "에서"} <= set(shown)
    assert len(verify_shards(tmp_path / "shards")) == 3
    flags = Shards.open(tmp_path / "shards").train[0].flags
    inside = (flags & STARTS_MORPHEME).astype(bool) & ~(flags & STARTS_WORD).astype(bool)
    assert inside.any() == (kind == "morpheme")


def test_transformers_runs_it_without_malmoi(pipeline: Path, tmp_path: Path) -> None:
    config = TokenizerConfig(kind="morpheme", **LEARN)
    train_tokenizer(config, pipeline / "corpus", tmp_path / "tokenizer", Context(workers=1))
    code = """
import sys
sys.modules["malmoi"] = sys.modules["tests"] = None
from transformers import AutoTokenizer
print(AutoTokenizer.from_pretrained(sys.argv[1], trust_remote_code=True)(sys.argv[2])["input_ids"])
"""
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "tokenizer"), TEXT],
        capture_output=True,
        text=True,
        env={"HF_MODULES_CACHE": str(tmp_path / "modules"), "HOME": str(tmp_path)},
        check=False,
    )
    ids = load_tokenizer(tmp_path / "tokenizer").encode_batch([TEXT]).ids
    assert done.stdout.strip() == str(ids.tolist()), done.stderr[-2000:]
    assert len(np.unique(ids)) > 8
