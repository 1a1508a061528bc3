"""Shards of a morpheme tokenizer: where words and morphemes start, what the manifest says, what decodes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from malmoi.artifact.finished import read_manifest
from malmoi.context import Context
from malmoi.shards.build import build_shards
from malmoi.shards.check import decode_sentence, verify_shards
from malmoi.shards.config import ShardsConfig
from malmoi.shards.encode import encode_block
from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD, Shards, tokenizer_digest
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES


def _train(corpus: Path, out: Path, **settings: object) -> Path:
    config = TokenizerConfig(**{"kind": "morpheme", "vocab_size": 240, "analyzer": "mecab", **settings})
    train_tokenizer(config, corpus, out)
    return out


@pytest.mark.parametrize("form", ["surface", "lemma"])
def test_flags_are_those_of_each_line(corpus: Path, tmp_path: Path, form: str) -> None:
    tokenizer = load_tokenizer(_train(corpus, tmp_path / "tokenizer", form=form))
    lines = [*(line for line in ODD if not set(line) & set("\n\r\u2028\ud800")), *SENTENCES[:20]]
    block = encode_block(tokenizer, "\n".join(lines))
    flags: list[int] = []
    for line in lines:
        encoded = tokenizer.encode_batch([line], specials=False)
        assert encoded.morphemes is not None
        before = -1
        for (start, _), morpheme in zip(encoded.spans.tolist(), encoded.morphemes.tolist(), strict=True):
            word = before < 0 or any(char.isspace() for char in line[before:start])
            flags.append((STARTS_WORD | STARTS_MORPHEME) * word | STARTS_MORPHEME * morpheme)
            before = start
    assert block.flags.tolist() == flags
    assert {0, STARTS_MORPHEME, STARTS_WORD | STARTS_MORPHEME} == set(flags)


def test_without_morphemes_both_bits_are_one(small: WordPiece) -> None:
    flags = encode_block(small, "\n".join(SENTENCES)).flags
    assert set(flags.tolist()) == {0, STARTS_WORD | STARTS_MORPHEME}


def test_an_artifact_says_its_analyzer_and_decodes(corpus: Path, tmp_path: Path) -> None:
    tokenizer = _train(corpus, tmp_path / "tokenizer")
    out = tmp_path / "shards"
    counts = build_shards(ShardsConfig(), corpus, tokenizer, out, Context(workers=2)).counts
    about = json.loads((tokenizer / "malmoi.json").read_text("utf-8"))
    assert counts["tokenizer"] == {name: about[name] for name in ("kind", "analyzer", "form")}
    assert counts["tokenizer_digest"] == tokenizer_digest(tokenizer)
    assert len(verify_shards(out, seed=1)) == 3
    shards = Shards.open(out)
    # White space alone is put in anew; no particle stands apart from its noun.
    assert decode_sentence(load_tokenizer(tokenizer), shards.train[0], 0) == SENTENCES[0]
    flags = np.asarray(shards.train[0].flags)
    assert (flags & STARTS_MORPHEME).astype(bool).sum() > 1.5 * (flags & STARTS_WORD).astype(bool).sum()


def test_form_and_analyzer_decide_the_digest(corpus: Path, tmp_path: Path) -> None:
    surface = _train(corpus, tmp_path / "surface")
    lemma = _train(corpus, tmp_path / "lemma", form="lemma")
    (lemma / "vocab.txt").write_bytes((surface / "vocab.txt").read_bytes())
    assert tokenizer_digest(surface) != tokenizer_digest(lemma)
    before = tokenizer_digest(surface)
    about = json.loads((surface / "malmoi.json").read_text("utf-8"))
    about["analyzer"]["dictionary"] = "python-mecab-ko-dic 9"
    (surface / "malmoi.json").write_text(json.dumps(about), "utf-8")
    assert tokenizer_digest(surface) != before


def test_a_plain_tokenizer_says_its_kind(shards: Path) -> None:
    assert read_manifest(shards).counts["tokenizer"] == {"kind": "wordpiece"}
