"""What a model is asked may be private: `predict` leaves none of it in the analyzer's cache."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import pytest

from malmoi.analyzers import Morphemes
from malmoi.analyzers.kiwi import Kiwi
from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import fresh
from malmoi.model.sizes import EncoderConfig
from malmoi.predict.file import answer_file
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.tiny.corpus import make_corpus
from tests.tiny.heard import Heard
from tests.tiny.korean import TEXT
from tests.tiny.labelled import QUICK, reviews

SECRET = "비밀번호는 아무에게도 말하지 않았다."


def kept(file: Path) -> int:
    with sqlite3.connect(file) as database:
        found: int = database.execute("SELECT count(*) FROM answers").fetchone()[0]
    return found


def test_predict_keeps_no_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "cache" / "morphemes.db"
    monkeypatch.setenv("MALMOI_CACHE", str(file))
    monkeypatch.delenv("MALMOI_CACHE_MB")
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    train_tokenizer(
        TokenizerConfig(kind="morpheme", vocab_size=240), corpus, tmp_path / "tokenizer", Context(workers=1)
    )
    (tmp_path / "train.csv").write_text(reviews(24), "utf-8")
    config = FinetuneConfig(
        train=tmp_path / "train.csv", text=("문장",), label="감정", dev_share=0.3, **QUICK
    )
    shape = EncoderConfig(vocab_size=240, hidden=16, layers=1, heads=2, ffn=16, max_positions=32)
    data = read_task(config, Heard())
    finetune(config, data, fresh(shape, tmp_path / "tokenizer"), tmp_path / "run", Context(Heard()))
    before = kept(file)
    assert before  # the training rows are there: they are met again with every seed
    predictor = Predictor.open(tmp_path / "run")
    assert predictor.predict(SECRET).label in ("좋음", "나쁨")
    (tmp_path / "texts.txt").write_text(f"{SECRET}\n사는 곳은 적지 않는다.\n", "utf-8")
    answer_file(predictor, tmp_path / "texts.txt", tmp_path / "answers.tsv", reporter=Heard())
    assert kept(file) == before
    asked: list[str] = []
    analyze = Kiwi.analyze

    def listen(self: Kiwi, given: Sequence[str]) -> Morphemes:
        asked.extend(given)
        return analyze(self, given)

    monkeypatch.setattr(Kiwi, "analyze", listen)
    load_tokenizer(tmp_path / "run" / "model").encode_batch([SECRET])
    assert asked == [SECRET] and kept(file) == before + 1  # a tokenizer that is not told to forget keeps it
