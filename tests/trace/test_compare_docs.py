"""The commands on the pages about comparing and tracing run as written, in both languages."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from malmoi.cli.main import run
from tests.tiny.texts import LINES
from tests.tiny.tokenizers import PARTS

DOCS = Path(__file__).resolve().parents[2] / "docs"


@pytest.fixture(scope="module")
def place(pipeline: Path, undisturbed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder where everything the pages name is there."""
    folder = tmp_path_factory.mktemp("place")
    for name, theirs, text in (("내것", "남의것", "댓글.txt"), ("mine", "theirs", "comments.txt")):
        for stage in ("corpus", "tokenizer"):
            shutil.copytree(pipeline / stage, folder / "runs" / name / stage)
        shutil.copytree(undisturbed, folder / "runs" / name / "pretrain")
        PARTS.save(folder / theirs)
        (folder / text).write_text("\n".join(LINES[:40]), "cp949")
    context = "옆집 아저씨는 겨울에도 빵을 굽는다."
    asked = {"id": "1", "question": "무엇을?", "answers": [{"text": "빵", "answer_start": 13}]}
    qa = {"data": [{"paragraphs": [{"context": context, "qas": [asked]}]}]}
    (folder / "KorQuAD_v1.0_dev.json").write_text(json.dumps(qa, ensure_ascii=False), "utf-8")
    return folder


def commands(page: str) -> list[str]:
    block = re.search(r"^```\n(malmoi.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    assert block
    return block[1].strip().splitlines()


@pytest.mark.parametrize("page", ["ko/compare.md", "compare.md"])
def test_the_commands_run(
    page: str, place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(place)
    assert len(commands(page)) == 4
    for command in commands(page):
        program, *words = shlex.split(command)
        assert program == "malmoi" and run(words) == 0, capsys.readouterr().err
    assert "checkpoint: runs/" in capsys.readouterr().out
    assert (place / "compare.html").stat().st_size > 10_000
    (place / "compare.html").unlink()


def test_both_pages_have_the_same_numbers() -> None:
    def numbers(page: str) -> list[str]:
        return re.findall(r"\d+\.\d\d(?!\d)", (DOCS / page).read_text("utf-8"))

    assert numbers("ko/compare.md") == numbers("compare.md") and len(numbers("compare.md")) == 10
