"""Pairs reach the encoder as pairs. A published Korean model scored 43 on KorSTS and 50.6 with another
vocabulary while its single-sentence scores rose: one of the faults below is enough for that, and none of them
shows in the loss."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from malmoi.finetune.batches import encode, lay_flat
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import Start, fresh, pretrained
from malmoi.model.batch import Batch
from malmoi.model.heads import Classifier
from malmoi.predict.predictor import Predictor
from malmoi.tasks.data import read_task
from malmoi.tokenizer import Tokenizer
from tests.tiny.labelled import CPU


@pytest.fixture(scope="module")
def start(checkpoint: Path) -> Start:
    return pretrained(checkpoint)


@pytest.fixture(scope="module")
def loaded(start: Start) -> tuple[Classifier, Tokenizer]:
    model, tokenizer = start.load(0, 0.0, 2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(5 if parameter.ndim > 1 else 1)  # new weights answer everything alike
    return model.eval(), tokenizer


def reached(model: Classifier, tokenizer: Tokenizer, pair: tuple[str, str], max_len: int) -> Batch:
    """What the encoder is called with for one pair, seen at its door."""
    seen: list[Batch] = []
    handle = model.encoder.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    try:
        answer(model, tokenizer, pair, max_len)
    finally:
        handle.remove()
    return seen[0]


def answer(model: Classifier, tokenizer: Tokenizer, pair: tuple[str, str], max_len: int = 64) -> torch.Tensor:
    batch, firsts = lay_flat(encode(tokenizer, [pair], max_len), np.array([0]))
    with torch.no_grad():
        return model(batch, firsts)[0]


def shown(batch: Batch, tokenizer: Tokenizer) -> tuple[list[str], list[int]]:
    """Tokens and segments of the one sequence in a batch, its padding left out."""
    end = int(batch.cu_seqlens[1])
    return tokenizer.tokens(batch.ids_T[:end].tolist()), batch.segments_T[:end].tolist()


def test_both_texts_and_their_segments_reach_the_encoder(loaded: tuple[Classifier, Tokenizer]) -> None:
    tokens, segments = shown(reached(*loaded, ("질문 하나", "둘 다름"), 64), loaded[1])
    assert tokens == ["[CLS]", "질", "##문", "하", "##나", "[SEP]", "둘", "다", "##름", "[SEP]"]
    assert segments == [0, 0, 0, 0, 0, 0, 1, 1, 1, 1]


def test_the_longer_text_is_cut_first_and_both_survive(loaded: tuple[Classifier, Tokenizer]) -> None:
    long = "질문 " * 40
    for pair in ((long, "둘 다름"), ("둘 다름", long), (long, long)):
        tokens, segments = shown(reached(*loaded, pair, 16), loaded[1])
        assert len(tokens) == 16 and tokens[-1] == "[SEP]" and tokens.count("[SEP]") == 2
        middle = tokens.index("[SEP]")
        assert segments == [0] * (middle + 1) + [1] * (15 - middle)
        first, second = tokens[1:middle], tokens[middle + 1 : -1]
        if pair == (long, long):
            assert abs(len(first) - len(second)) <= 1
        else:
            assert ["둘", "다", "##름"] in (first, second)  # the short one is whole
            assert (first == ["둘", "다", "##름"]) == (pair[0] == "둘 다름")


def test_answers_depend_on_the_second_text_the_order_and_the_segments(
    loaded: tuple[Classifier, Tokenizer],
) -> None:
    model, tokenizer = loaded
    plain = answer(model, tokenizer, ("질문 하나", "둘 다름"))
    assert not torch.allclose(plain, answer(model, tokenizer, ("질문 하나", "둘 같음")), atol=1e-3)
    assert not torch.allclose(plain, answer(model, tokenizer, ("둘 다름", "질문 하나")), atol=1e-3)
    batch, firsts = lay_flat(encode(tokenizer, [("질문 하나", "둘 다름")], 64), np.array([0]))
    batch.segments_T.zero_()
    with torch.no_grad():
        assert not torch.allclose(plain, model(batch, firsts)[0], atol=1e-3)


def test_transformers_encodes_the_same_pairs(loaded: tuple[Classifier, Tokenizer], tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    tokenizer = loaded[1]
    tokenizer.save(tmp_path)
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path)
    pairs = [
        ("질문 하나", "둘 다름"),
        ("", "둘"),
        ("하나", ""),
        ("질문 " * 40, "둘 다름"),
        ("둘", "질문 " * 40),
    ]
    ours = encode(tokenizer, pairs, 20)
    for i, (a, b) in enumerate(pairs):
        found = theirs([(a, b)], truncation="longest_first", max_length=20)
        row = slice(ours.starts[i], ours.starts[i + 1])
        assert ours.ids[row].tolist() == found["input_ids"][0]
        assert ours.segments[row].tolist() == found["token_type_ids"][0]


def test_a_model_that_knows_one_type_sees_pairs_too(
    loaded: tuple[Classifier, Tokenizer], checkpoint: Path, tmp_path: Path
) -> None:
    encoded = encode(loaded[1], [("질문 하나", "둘 다름")], 64, types=1)
    assert encoded.ids.tolist() == encode(loaded[1], [("질문 하나", "둘 다름")], 64).ids.tolist()
    assert set(encoded.segments.tolist()) == {0}
    shape = pretrained(checkpoint).shape.model_copy(update={"type_vocab": 1})
    rows = [(f"질문 {i}", f"하나 {i}", "예" if i % 2 else "아니") for i in range(200)]
    predictor = teach(rows, fresh(shape, checkpoint), tmp_path, epochs=1, evals=1)
    assert predictor.predict([("질문", "둘")])[0].label in ("예", "아니")


def teach(rows: list[tuple[str, str, str]], start: Start, out: Path, **more: Any) -> Predictor:
    """Fine-tune on pairs whose label is a function of the texts, new ones in the test file."""
    for name, part in (("train", rows[:-80]), ("test", rows[-80:])):
        with (out / f"{name}.tsv").open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, delimiter="\t").writerows([("하나", "둘", "라벨"), *part])
    config = FinetuneConfig(
        train=out / "train.tsv",
        test=out / "test.tsv",
        text=("하나", "둘"),
        label="라벨",
        lr=1e-3,
        batch_size=16,
        **CPU,
        dropout=0.0,
        **more,
    )
    finetune(config, read_task(config), start, out / "run")
    return Predictor.open(out / "run")


def accuracy(out: Path) -> float:
    return float(json.loads((out / "run" / "scores.json").read_text("utf-8"))["test"]["accuracy"])


def test_a_label_that_only_the_second_text_has_is_learnt(start: Start, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    words = ["재미있다", "아깝다"]
    rows = []
    for i in range(400):
        a, b = generator.integers(0, 2, 2)  # the first text says the same words, and nothing about the label
        rows.append((f"나는 {words[a]} {i}", f"우리는 {words[b]} {i}", "예" if b else "아니"))
    predictor = teach(rows, start, tmp_path, epochs=8)
    assert accuracy(tmp_path) > 0.95
    answers = predictor.predict(
        [("나는 재미있다 7", "우리는 아깝다 7"), ("나는 아깝다 7", "우리는 재미있다 7")]
    )
    assert [found.label for found in answers] == ["예", "아니"]


def test_equality_of_the_two_texts_is_learnt(start: Start, tmp_path: Path) -> None:
    """Neither text alone says anything about the label, nor does the bag of both texts' first words."""
    generator = np.random.default_rng(0)
    words = ["재미있다", "아깝다", "지루하다"]
    rows = []
    for i in range(1000):
        a = int(generator.integers(0, 3))
        b = a if generator.random() < 0.5 else (a + int(generator.integers(1, 3))) % 3
        rows.append((f"{words[a]} {i}", f"{words[b]} {i}", "같음" if a == b else "다름"))
    teach(rows, start, tmp_path, epochs=8, evals=8)
    assert accuracy(tmp_path) > 0.8  # one of two; four seeds gave 88.8 to 97.5 %
