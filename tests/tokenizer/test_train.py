"""The tokenizer stage from a corpus artifact to an artifact of its own."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from malmoi.artifact.finished import open_artifact
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.progress import Reporter, Step
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.blocks import read_blocks, sample_blocks
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import TEXT

HELDOUT = """할머니는 밤늦게까지 마당에서 책을 읽었습니다!
우리 동생이 노래를 불렀어요~

기차가 늦게까지 마당에서 잠들었다.
"""

LETTERS = "".join(f"{chr(0xAC00 + 53 * i)} " for i in range(60)) + "\n"  # each once


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    return make_corpus(tmp_path / "corpus", [TEXT], [HELDOUT])


def test_artifact(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    config = TokenizerConfig(vocab_size=267, unused=3)
    manifest = train_tokenizer(config, corpus, out)
    assert open_artifact(out, "tokenizer", verify=True).counts == manifest.counts
    entries = (out / "vocab.txt").read_text("utf-8").splitlines()
    assert entries[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert len(entries) == 272
    assert entries[-8:] == [f"[unused{i}]" for i in range(8)]
    assert not entries[-9].startswith("[unused")
    assert (manifest.counts["vocab_size"], manifest.counts["learned"]) == (272, 264)
    settings = json.loads((out / "tokenizer_config.json").read_text("utf-8"))
    assert settings["do_lower_case"] is False
    assert settings["strip_accents"] is False
    assert load_tokenizer(out).vocab_size == 272


class Bars(Reporter):
    """What bars were shown, and how far they went."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, float | None]] = []
        self.amounts: list[float] = []

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        self.shown.append((key, total))
        yield self

    def advance(self, amount: float, detail: str = "") -> None:
        self.amounts.append(amount)


SIZES: dict[str, int] = {"wordpiece": 272, "unigram": 104, "bpe": 128, "bytebpe": 352, "morpheme": 240}
SIZES["morpheme-wordpiece"] = 240


@pytest.mark.parametrize(("kind", "size"), SIZES.items())
def test_the_bar_is_the_text_and_ends_with_it(kind: str, size: int, tmp_path: Path) -> None:
    amounts = _bar(TokenizerConfig(kind=kind, vocab_size=size, analyzer="mecab"), TEXT, tmp_path)
    assert amounts[0] > 0


@pytest.mark.parametrize("kind", ["wordpiece", "morpheme-wordpiece", "morpheme"])
def test_so_it_does_where_the_text_is_read_again(kind: str, tmp_path: Path) -> None:
    """Because its letters take half of the room and more."""
    config = TokenizerConfig(kind=kind, vocab_size=320, analyzer="mecab", min_frequency=1)
    amounts = _bar(config, TEXT + LETTERS, tmp_path)
    assert amounts.count(0.0) == 3  # the second attempt's two passes, and the end


def _bar(config: TokenizerConfig, text: str, tmp_path: Path) -> list[float]:
    corpus = make_corpus(tmp_path / "corpus", [text], [])
    bars = Bars()
    train_tokenizer(config, corpus, tmp_path / "out", Context(bars, workers=1))
    total = len(text.encode())
    assert bars.shown == [("tokenizer.learning", total)]
    reached = np.cumsum(bars.amounts)
    assert reached[-1] == pytest.approx(total) and reached.max() <= total + 1e-6
    return bars.amounts


def test_measured_on_held_out_text(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    counts = train_tokenizer(TokenizerConfig(vocab_size=272), corpus, out).counts
    tokenizer = load_tokenizer(out)
    lines = HELDOUT.split("\n")
    ids = tokenizer.encode_batch(lines, specials=False).ids
    assert counts["measured_on"] == "heldout"
    assert counts["unk_percent"] == round(100 * ids.tolist().count(1) / len(ids), 4) > 0  # 책
    assert counts["tokens_per_eojeol"] == round(len(ids) / len(HELDOUT.split()), 4)
    assert counts["characters_per_token"] == round(sum(map(len, HELDOUT.split())) / len(ids), 4)
    text, tokens = counts["samples"][0]
    assert text in HELDOUT
    assert tokens == tokenizer.tokens(tokenizer.encode_batch([text], specials=False).ids)


def test_same_corpus_same_bytes_and_nothing_to_do_the_second_time(corpus: Path, tmp_path: Path) -> None:
    config = TokenizerConfig(vocab_size=272)
    digests = {train_tokenizer(config, corpus, tmp_path / name).digest for name in ("a", "b")}
    assert len(digests) == 1
    before = (tmp_path / "a" / "vocab.txt").stat().st_mtime_ns
    train_tokenizer(config, corpus, tmp_path / "a")
    assert (tmp_path / "a" / "vocab.txt").stat().st_mtime_ns == before


def test_more_than_the_data_fills_names_a_size_that_works(corpus: Path, tmp_path: Path) -> None:
    out = tmp_path / "tokenizer"
    with pytest.raises(MalmoiError) as error:
        train_tokenizer(TokenizerConfig(vocab_size=32_000), corpus, out)
    filled = error.value.values["filled"]
    assert error.value.code == "MM0207"
    assert error.value.what == f"32,000 entries were asked for, but this corpus fills {filled}."
    assert f"--set tokenizer.vocab_size={filled} " in error.value.do
    assert not out.exists()
    manifest = train_tokenizer(TokenizerConfig(vocab_size=filled), corpus, out)
    assert manifest.counts["learned"] == filled


def test_a_small_vocabulary_keeps_room_for_pieces(tmp_path: Path) -> None:
    # 40 characters that make many words, and 60 that are seen once.
    common = [chr(0xAC00 + 28 * k) for k in range(40)]
    words = [a + b + c for a in common for b in common for c in common[:3]]
    corpus = make_corpus(
        tmp_path / "corpus", [" ".join(words * 2 + [chr(0xB100 + k) for k in range(60)])], []
    )
    counts = train_tokenizer(TokenizerConfig(vocab_size=165), corpus, tmp_path / "tokenizer").counts
    assert (counts["alphabet"], counts["alphabet_dropped"]) == ((165 - 5) // 4, 60)
    assert counts["measured_on"] == "training"


def test_no_text(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", [""], [])
    with pytest.raises(MalmoiError, match="MM0211"):
        train_tokenizer(TokenizerConfig(), corpus, tmp_path / "tokenizer")


@pytest.mark.parametrize("config", [{"vocab_size": 100}, {"vocab_size": 300, "unused": 299}])
def test_no_room_for_the_characters_names_a_size_that_works(
    corpus: Path, tmp_path: Path, config: dict[str, int]
) -> None:
    out = tmp_path / "tokenizer"
    with pytest.raises(MalmoiError) as error:
        train_tokenizer(TokenizerConfig(**config), corpus, out)
    assert error.value.code == "MM0212"
    enough = {**config, "vocab_size": error.value.values["needed"]}
    assert train_tokenizer(TokenizerConfig(**enough), corpus, out).counts["alphabet"] > 100


def test_bytes_that_are_not_utf8_are_placed(tmp_path: Path) -> None:
    path = tmp_path / "part-00000.txt"
    path.write_bytes("가나\n".encode() + "다라\n".encode("cp949"))
    with pytest.raises(MalmoiError) as error:
        list(read_blocks(path, size=4))
    assert (error.value.code, error.value.values["offset"]) == ("MM0214", 7)


def test_blocks_are_whole_lines_and_all_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "part.txt"
    path.write_text(TEXT, "utf-8")
    blocks = list(read_blocks(path, size=500))
    assert "".join(blocks) == TEXT
    assert len(blocks) > 20
    assert all(block.endswith("\n") for block in blocks)
    assert list(read_blocks(path, 0, 0)) == []


def test_a_sample_is_even_and_always_the_same(tmp_path: Path) -> None:
    lines = [f"{number:09d}\n" for number in range(500_000)]
    paths = [tmp_path / name for name in ("a", "b")]
    paths[0].write_text("".join(lines[:400_000]))
    paths[1].write_text("".join(lines[400_000:]))
    some = [int(line) for block in sample_blocks(paths, 2_500_000) for line in block.split()]
    assert len(some) == 250_000
    assert some == sorted(set(some))
    assert sum(number < 400_000 for number in some) == 200_000
    assert 50_000 < sum(number < 200_000 for number in some) < 150_000
    assert list(sample_blocks(paths, 2_500_000)) == list(sample_blocks(paths, 2_500_000))
    assert "".join(sample_blocks(paths, 5_000_000)) == "".join(lines)
