"""The user's cache as the stages use it: the same result with and without, nothing analyzed twice, never a
reason to stop."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from platformdirs import user_cache_path

from malmoi.analyzers import Analyzer, Morphemes
from malmoi.analyzers.cache import Cached, cache_file, remembering
from malmoi.analyzers.kiwi import Kiwi
from malmoi.analyzers.lazy import Lazy
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.morpheme.model import MorphemeWordPiece
from malmoi.tokenizer.train import train_tokenizer
from malmoi.tokenizer_eval.speed import speeds
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import SENTENCES, TEXT


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the cache is, for this test."""
    path = tmp_path / "cache" / "morphemes.db"
    monkeypatch.setenv("MALMOI_CACHE", str(path))
    monkeypatch.delenv("MALMOI_CACHE_MB")
    return path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Kiwi is asked."""
    texts: list[str] = []
    analyze = Kiwi.analyze

    def listen(self: Kiwi, given: Sequence[str]) -> Morphemes:
        texts.extend(given)
        return analyze(self, given)

    monkeypatch.setattr(Kiwi, "analyze", listen)
    return texts


def _train(corpus: Path, out: Path, **settings: object) -> dict[str, bytes]:
    config = TokenizerConfig(**{"kind": "morpheme", "vocab_size": 240, **settings})
    train_tokenizer(config, corpus, out, Context(workers=2))
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name != "manifest.json"}


def test_a_text_is_analyzed_once_for_all_vocabularies(
    file: Path, asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    plain: dict[str, dict[str, bytes]] = {}
    others = {"a": {}, "b": {"vocab_size": 200}, "c": {"kind": "morpheme-wordpiece"}, "d": {"form": "lemma"}}
    monkeypatch.setenv("MALMOI_CACHE_MB", "0")
    for name, settings in others.items():
        plain[name] = _train(corpus, tmp_path / "plain" / name, **settings)
    assert not file.exists() and len(asked) > 4 * TEXT.count("\n")
    monkeypatch.delenv("MALMOI_CACHE_MB")
    asked.clear()
    for name, settings in others.items():
        assert _train(corpus, tmp_path / "kept" / name, **settings) == plain[name]
        assert sorted(asked) == sorted(set(TEXT.split("\n")))
    # Encoding, here or in another process, has those answers as well.
    manifest = build_shards(
        ShardsConfig(), corpus, tmp_path / "kept" / "a", tmp_path / "shards", Context(workers=2)
    )
    assert manifest.counts["train"]["tokens"]
    assert not any(part["warnings"] for part in manifest.counts["parts"])
    tokenizer = load_tokenizer(tmp_path / "kept" / "a")
    assert sorted(asked) == sorted(set(TEXT.split("\n")))
    monkeypatch.setenv("MALMOI_CACHE_MB", "0")
    bare = load_tokenizer(tmp_path / "kept" / "a")
    one, two = (t.encode_batch(SENTENCES) for t in (tokenizer, bare))
    assert np.array_equal(one.ids, two.ids) and np.array_equal(one.spans, two.spans)


def test_speed_is_that_of_the_analyzer(file: Path, asked: list[str], tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    _train(corpus, tmp_path / "tokenizer")
    tokenizer = load_tokenizer(tmp_path / "tokenizer")
    tokenizer.encode_batch(SENTENCES)
    asked.clear()
    speeds([tokenizer], SENTENCES)
    assert len(asked) > 2 * len(SENTENCES)
    assert isinstance(tokenizer, MorphemeWordPiece) and isinstance(tokenizer.analyzer, Lazy)
    assert isinstance(tokenizer.analyzer.opened, Cached)


def test_what_a_model_is_asked_is_not_kept(file: Path, asked: list[str], tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    _train(corpus, tmp_path / "tokenizer")
    tokenizer = load_tokenizer(tmp_path / "tokenizer")
    secret = "비밀번호는 아무에게도 말하지 않았다."
    predicted = tokenizer.uncached().encode_batch([secret])
    asked.clear()
    again = tokenizer.encode_batch([secret])
    assert asked == [secret] and again.ids.tolist() == predicted.ids.tolist()


def test_mecab_is_not_kept(file: Path, analyzers: dict[str, Analyzer]) -> None:
    assert remembering(analyzers["mecab"]) is analyzers["mecab"]
    assert not file.exists()


def test_only_its_owner_reads_it(file: Path, analyzers: dict[str, Analyzer]) -> None:
    with remembering(analyzers["kiwi"]) as kept:  # type: ignore[attr-defined]
        kept.analyze(["마당에서 고추를 말렸다."])
    assert file.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("what", ["another program's", "a folder", "damaged", "no place"])
def test_a_file_that_cannot_be_used_is_a_warning(
    file: Path, analyzers: dict[str, Analyzer], what: str
) -> None:
    kiwi = analyzers["kiwi"]
    file.parent.mkdir()
    if what == "a folder":
        file.mkdir()
    elif what == "no place":
        file.parent.rmdir()
        file.parent.write_text("", "utf-8")
    elif what == "damaged":
        Cached(kiwi, file).analyze(SENTENCES)
        data = file.read_bytes()
        file.write_bytes(b"x" * 100 + data[100:])
    else:
        file.write_text("중요한 글. " * 200, "utf-8")
    with pytest.warns(UserWarning, match=r"(?s)MM0226.*MALMOI_CACHE_MB=0"):
        assert remembering(kiwi) is kiwi


def test_damage_that_shows_later_is_a_warning_too(file: Path, analyzers: dict[str, Analyzer]) -> None:
    kiwi = analyzers["kiwi"]
    texts = [f"{number}번째 문장을 여기에 쓴다." for number in range(300)]
    with Cached(kiwi, file) as kept:
        kept.analyze(texts)
        kept._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(file.read_bytes())
    data[8_192:-4_096] = b"\xff" * (len(data) - 12_288)
    file.write_bytes(data)
    with Cached(kiwi, file) as kept:
        with pytest.warns(UserWarning, match="MM0227.*malformed"):
            found = kept.analyze(texts)
        assert found.lemmas == kiwi.analyze(texts).lemmas
        assert kept.analyze(texts[:2]).lemmas == kiwi.analyze(texts[:2]).lemmas  # and not another word


@pytest.mark.parametrize("value", ["viel", "-1", "1.5", "٣"])
def test_a_bound_that_is_none(
    file: Path, analyzers: dict[str, Analyzer], monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("MALMOI_CACHE_MB", value)
    with pytest.raises(MalmoiError, match=f"MM0245.*{value}"):
        remembering(analyzers["kiwi"])


def test_the_bound_is_kept(
    file: Path, analyzers: dict[str, Analyzer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MALMOI_CACHE_MB", "1")
    with remembering(analyzers["kiwi"]) as kept:  # type: ignore[attr-defined]
        for start in range(0, 4_000, 500):
            kept.analyze([f"{start + number}번째 문장을 여기에 길게 길게 쓴다." for number in range(500)])
        assert kept._size() < 1_300_000


def test_the_system_says_where_caches_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MALMOI_CACHE", raising=False)
    assert cache_file() == user_cache_path("malmoi", appauthor=False) / "morphemes.db"
    monkeypatch.setenv("MALMOI_CACHE", "/scratch/kiwi.db")
    assert cache_file() == Path("/scratch/kiwi.db")


def test_ctrl_c_while_it_learns_leaves_a_cache_that_goes_on(file: Path, tmp_path: Path) -> None:
    text = "\n".join(f"{number}번째 줄이다. {line}" for number in range(2000) for line in SENTENCES)
    corpus = make_corpus(tmp_path / "corpus", [text], [])
    line = [sys.executable, "-m", "malmoi", "tokenizer", "train", str(corpus), "--out", str(tmp_path / "out")]
    process = subprocess.Popen([*line, "--set", "tokenizer.kind=morpheme", "--vocab-size", "300", "--json"])
    wal = file.with_name(file.name + "-wal")
    while not (wal.exists() and wal.stat().st_size > 100_000):
        assert process.poll() is None, "it was done before it could be stopped"
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    assert process.wait(600) == 130
    asked = Cached(_Nothing(), file)
    assert asked._file.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert asked._file.execute("SELECT count(*) FROM answers").fetchone()[0] > 100


class _Nothing:
    """An analyzer that is never asked."""

    name = "kiwi"
    identity: dict[str, str] = {}  # noqa: RUF012

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        raise AssertionError(texts)

    surfaces = analyze  # type: ignore[assignment]
