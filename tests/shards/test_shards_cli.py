"""The verbs as users type them: train, build, verify; and their output for scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.cli.main import run
from tests.tiny.korean import SENTENCES


def _events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, object]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_from_corpus_to_checked_shards(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer, shards = tmp_path / "made", tmp_path / "shards"
    train = ["tokenizer", "train", str(corpus), "--out", str(tokenizer), "--vocab-size", "240"]
    assert run(["--json", *train]) == 0
    result = _events(capsys)[-1]
    assert (result["event"], result["vocab_size"], result["out"]) == ("result", 240, str(tokenizer))
    assert run(["--json", "shards", "build", str(corpus), str(tokenizer), "--out", str(shards)]) == 0
    result = _events(capsys)[-1]
    assert result["train"]["sentences"] == 153  # type: ignore[index]
    assert run(["--json", "shards", "verify", str(shards)]) == 0
    sentences = _events(capsys)[-1]["sentences"]
    assert len(sentences) == 3  # type: ignore[arg-type]


def test_tables_are_in_the_readers_language(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train = ["tokenizer", "train", str(corpus), "--out", str(tmp_path / "made"), "--vocab-size", "240"]
    assert run([*train, "--lang", "ko"]) == 0
    shown = capsys.readouterr().out
    assert "어절당 토큰" in shown
    assert "검증 데이터" in shown
    assert any(word in shown for sentence in SENTENCES for word in sentence.split())


def test_too_large_a_vocabulary_exits_2_with_the_command_that_mends_it(
    corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["tokenizer", "train", str(corpus), "--out", str(tmp_path / "made")]) == 2
    shown = capsys.readouterr().err
    assert "MM0207" in shown
    assert "--set tokenizer.vocab_size=" in shown


def test_damaged_shards_exit_2(shards: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = shards / "part-00000" / "flags.npy"
    path.write_bytes(path.read_bytes()[:-1] + b"\x07")
    assert run(["shards", "verify", str(shards)]) == 2
    assert "MM0013" in capsys.readouterr().err
