"""The READMEs' commands run as written, on a small text of the kinds they name; the two READMEs agree."""

from __future__ import annotations

import gzip
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

# The only changes made to what the reader is told to type: less text and fewer steps.
SMALLER = {"--vocab-size 16000": "--vocab-size 140", "--size mini --steps 20000": "--size tiny --steps 4"}


def blocks(page: str, language: str = "") -> list[str]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", (ROOT / page).read_text("utf-8"), re.M | re.S)
    return [block for tag, block in found if tag == language]


def own_text_commands(page: str) -> list[str]:
    (block,) = [b for b in blocks(page) if b.startswith("malmoi corpus build")]
    return block.strip().splitlines()


def write_inputs(folder: Path) -> None:
    who, when = (
        ["누나는", "친구는", "이웃은", "기자는", "의사는"],
        ["아침에", "저녁에", "어제", "주말에", "가을에"],
    )
    what = [
        "시장에서 사과를 샀다",
        "공원을 오래 걸었다",
        "편지를 다시 읽었다",
        "창밖을 내다보았다",
        "국수를 삶았다",
    ]
    lines = [f"{a} {b} 혼자서 {c}." for a in who for b in when for c in what]
    (folder / "뉴스").mkdir()
    (folder / "뉴스" / "하나.txt").write_text("\n\n".join(lines[:60]), "cp949")
    (folder / "청원.csv").write_text(
        "제목,내용\n" + "".join(f"청원,{line}\n" for line in lines[60:100]), "utf-8-sig"
    )
    with gzip.open(folder / "게시판.jsonl.gz", "wt", encoding="utf-8") as stream:
        stream.writelines(json.dumps({"text": line}, ensure_ascii=False) + "\n" for line in lines[100:])
    mood = [
        (f"{a} {b} {'웃었다' if i % 2 else '울었다'}", "기쁨" if i % 2 else "슬픔")
        for a in who
        for i, b in enumerate(when * 4)
    ]
    rows = "".join(f"{i}번째로 {text},{label}\n" for i, (text, label) in enumerate(mood))
    (folder / "감정.csv").write_text(f"문장,감정\n{rows}", "utf-8")


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    for long, short in SMALLER.items():
        command = command.replace(long, short)
    program, *words = shlex.split(command)
    assert program in ("malmoi", ".venv/bin/malmoi")
    environment = {**os.environ, "MALMOI_LANG": "ko"}
    return subprocess.run(
        [sys.executable, "-m", "malmoi", *words], cwd=folder, capture_output=True, text=True, env=environment
    )


def test_your_own_text_from_raw_files_to_answers(tmp_path: Path) -> None:
    write_inputs(tmp_path)
    for command in own_text_commands("README.md"):
        done = run(command, tmp_path)
        assert done.returncode == 0, f"{command}\n{done.stderr}"
    assert "기쁨" in done.stdout or "슬픔" in done.stdout
    (snippet,) = blocks("README.md", "python")
    snippet = re.sub(r'load\(".*?"\)', 'load("runs/내것/감정")', snippet)
    answered = subprocess.run([sys.executable, "-c", snippet], cwd=tmp_path, capture_output=True, text=True)
    assert answered.returncode == 0, answered.stderr
    assert answered.stdout.startswith("[Prediction(label=")


def test_both_languages_tell_the_same() -> None:
    def bare(command: str) -> list[str]:
        return [word for word in command.split() if re.fullmatch(r"malmoi|[a-z]+|--[a-z-]+|\d+", word)]

    korean, english = own_text_commands("README.md"), own_text_commands("README.en.md")
    assert [bare(k)[:3] for k in korean] == [bare(e)[:3] for e in english]
    assert blocks("README.md", "python") == blocks("README.en.md", "python")


@pytest.mark.parametrize("page", ["README.md", "README.en.md"])
def test_links_and_make_targets_exist(page: str) -> None:
    source = (ROOT / page).read_text("utf-8")
    for link in re.findall(r"\]\(([^)]+)\)", source):
        target, _, part = link.partition("#")
        assert (ROOT / target).exists(), link
        headings = re.findall(r"^#+ (.*)$", (ROOT / target).read_text("utf-8"), re.M) if part else []
        assert not part or part in [re.sub(r"[^\w\- ]", "", h).lower().replace(" ", "-") for h in headings], (
            link
        )
    targets = re.search(r"^\.PHONY: (.*)$", (ROOT / "Makefile").read_text("utf-8"), re.M)
    assert targets is not None
    for words in re.findall(r"^make ((?:[a-z]+ ?)+)", source, re.M):
        assert set(words.split()) <= set(targets[1].split()), words
