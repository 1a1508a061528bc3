"""What is wrong with the cache of analyses is told once, with its code first, by whichever command it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.analyzers import open_analyzer
from malmoi.analyzers.cache import Cached
from malmoi.cli.main import run
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import SENTENCES


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "cache" / "morphemes.db"
    monkeypatch.setenv("MALMOI_CACHE", str(path))
    monkeypatch.delenv("MALMOI_CACHE_MB", raising=False)
    return path


def _train(corpus: Path, out: Path) -> list[str]:
    line = ["tokenizer", "train", str(corpus), "--out", str(out), "--vocab-size", "240"]
    return [*line, "--set", "tokenizer.kind=morpheme"]


def _damage(file: Path) -> None:
    """The file opens; what lies in it cannot be read."""
    with Cached(open_analyzer("kiwi"), file) as kept:
        kept.analyze([f"{number}번째 문장을 여기에 쓴다." for number in range(300)])
        kept._file.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(file.read_bytes())
    data[8_192:-4_096] = b"\xff" * (len(data) - 12_288)
    file.write_bytes(data)


def test_training_tells_of_a_bad_cache(corpus: Path, file: Path, tmp_path: Path) -> None:
    file.parent.mkdir()
    file.write_text("중요한 글. " * 200, "utf-8")
    words = [sys.executable, "-m", "malmoi", *_train(corpus, tmp_path / "made")]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert [line[:6] for line in done.stderr.splitlines() if "MM0226" in line] == ["MM0226"]
    assert "UserWarning" not in done.stderr and ".py" not in done.stderr


@pytest.mark.parametrize("workers", ["1", "2"])
def test_shards_tell_of_damage_that_a_slice_meets(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workers: str
) -> None:
    monkeypatch.setenv("MALMOI_CACHE_MB", "0")
    corpus = make_corpus(tmp_path / "corpus", ["\n".join(SENTENCES[:90]), "\n".join(SENTENCES[90:])], [])
    assert run(["--quiet", *_train(corpus, tmp_path / "made")]) == 0
    monkeypatch.delenv("MALMOI_CACHE_MB")
    _damage(file)
    words = [sys.executable, "-m", "malmoi", "shards", "build", str(corpus), str(tmp_path / "made")]
    words += ["--out", str(tmp_path / "shards"), "--workers", workers]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    assert [line[:6] for line in done.stderr.splitlines() if "MM0227" in line] == ["MM0227"]
    assert str(file) in done.stderr and "malformed" in done.stderr


def test_the_file_is_spoken_of_when_it_is_made(
    corpus: Path, file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, times in (("one", 1), ("two", 0)):
        assert run(["--json", *_train(corpus, tmp_path / name)]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        said = [event for event in events if event.get("key") == "analyzers.cache"]
        assert [(event["path"], event["mb"]) for event in said] == [(str(file), 4000)] * times
    file.unlink()
    assert run(_train(corpus, tmp_path / "three")) == 0
    assert f"kept in {file}" in (shown := capsys.readouterr().err) and "MALMOI_CACHE_MB=0" in shown
