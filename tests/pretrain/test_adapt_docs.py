"""The page on adapting: its commands run as written, and both languages show the same."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import pytest

from malmoi.cli.main import run
from malmoi.tokenizer import load_tokenizer

DOCS = Path(__file__).resolve().parents[2] / "docs"
# The only thing added to what the reader is told to type: a smaller run.
SETTINGS = ("row_len=32", "batch_size=4", "device=cpu", "precision=fp32", "threads=1")
SMALLER = {
    "tokenizer train": ["--vocab-size", "200"],
    "pretrain shards": ["--steps", "4", *(word for s in SETTINGS for word in ("--set", f"pretrain.{s}"))],
}


def commands(page: str) -> list[str]:
    block = re.search(r"^```\n(malmoi.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    assert block
    return block[1].strip().splitlines()


def test_the_commands_run_as_written(
    pipeline: Path,
    undisturbed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    shutil.copytree(pipeline / "corpus", "corpus")
    Path("words.txt").write_text("골목 끝\n라디오\n꽃\n", "utf-8")
    shutil.copytree(undisturbed / "checkpoints" / "step-12", "model")
    assert len(commands("adapt.md")) == 5
    for command in commands("adapt.md"):
        words = shlex.split(command.removeprefix("malmoi "))
        smaller = SMALLER.get(" ".join(words[:2]), [])
        assert run([*words, *smaller]) == 0, (command, capsys.readouterr().err)
    proposed = load_tokenizer(tmp_path / "adapted" / "checkpoints" / "step-4")
    assert proposed.vocab_size > load_tokenizer(tmp_path / "model").vocab_size


def test_both_languages_show_the_same() -> None:
    assert commands("adapt.md") == commands("ko/adapt.md")
    codes = [
        re.findall(r"MM\d{4}|\d+\.\d+", (DOCS / page).read_text("utf-8"))
        for page in ("adapt.md", "ko/adapt.md")
    ]
    assert sorted(codes[0]) == sorted(codes[1])
