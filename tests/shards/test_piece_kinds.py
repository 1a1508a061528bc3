"""Flags and sentences of shards made with SentencePiece and byte-level tokenizers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.cli.tokenizer import show
from malmoi.shards.build import build_shards
from malmoi.shards.check import verify_shards
from malmoi.shards.config import ShardsConfig
from malmoi.shards.encode import encode_block
from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD, Shards
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import TEXT
from tests.tiny.pieces import KINDS, SHARED, SIZES, WORDS, learned

LINES = st.lists(
    st.lists(
        st.sampled_from([*WORDS[:40], "뷁", "👍뷁", "(菜田)。", "\u200b", "3월\u200b", "ㅋㅋ"]), max_size=5
    ),
    max_size=6,
)
SPACES = st.sampled_from([" ", "  ", "\t", "\u3000"])

pytestmark = pytest.mark.parametrize("kind", KINDS)


@given(lines=LINES, space=SPACES)
@settings(max_examples=80, deadline=None)
def test_each_eojeol_has_one_flag_on_its_first_token(kind: str, lines: list[list[str]], space: str) -> None:
    tokenizer = learned(kind)
    text = "\n".join(space.join(words) for words in lines)
    block = encode_block(tokenizer, text)
    ids: list[int] = []
    flags: list[int] = []
    sentences: list[int] = []
    for words in lines:
        sentences += [len(ids)] if words else []
        for word in words:
            pieces = tokenizer.encode_batch([word], specials=False).ids.tolist()
            ids += pieces
            flags += [STARTS_WORD | STARTS_MORPHEME, *[0] * (len(pieces) - 1)]
    assert block.ids.tolist() == ids
    assert block.flags.tolist() == flags
    assert block.sentences.tolist() == sentences


def test_from_corpus_to_sentences_as_text_again(
    kind: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = make_corpus(tmp_path / "corpus", [SHARED], [TEXT])
    config = TokenizerConfig(kind=kind, vocab_size=SIZES[kind])
    manifest = train_tokenizer(config, corpus, tmp_path / "tokenizer")
    assert manifest.counts["kind"] == kind
    assert ("alphabet" in manifest.counts) == (kind != "bytebpe")
    show({"": tmp_path / "tokenizer"})
    shown = capsys.readouterr().out
    assert "vocabulary" in shown
    assert manifest.counts["samples"][0][0].split()[0] in shown
    built = build_shards(ShardsConfig(), corpus, tmp_path / "tokenizer", tmp_path / "shards")
    assert built.counts["train"]["eojeols"] == len(SHARED.split())
    again = build_shards(ShardsConfig(), corpus, tmp_path / "tokenizer", tmp_path / "shards")
    assert again == built
    shards = Shards.open(tmp_path / "shards", verify=True)
    assert shards.special == learned(kind).special
    lines = {line for text in (SHARED, TEXT) for line in text.split("\n")}
    for _, sentence in verify_shards(tmp_path / "shards", seed=3):
        assert sentence in lines or "[UNK]" in sentence
    assert np.array_equal(
        shards.train[0].ids[:50], learned(kind).encode_batch(SHARED.split("\n"), specials=False).ids[:50]
    )
