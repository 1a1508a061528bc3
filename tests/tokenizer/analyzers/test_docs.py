"""What docs/analyzers.md and docs/ko/analyzers.md show is what comes out, and their dictionary is one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.analyzers.user_dictionary import WORD_TAGS, UserWords

DOCS = Path(__file__).resolve().parents[3] / "docs"
PAGES = ("analyzers.md", "ko/analyzers.md")


def _blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)


@pytest.mark.parametrize("page", PAGES)
def test_the_example_prints_what_is_shown(page: str) -> None:
    (code,) = _blocks(page, "python")
    shown = _blocks(page, "text")[0]
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out == shown


@pytest.mark.parametrize("page", PAGES)
def test_the_dictionary_and_its_tags(page: str, tmp_path: Path) -> None:
    path = tmp_path / "words.txt"
    path.write_text(_blocks(page, "text")[1], "utf-8")
    assert UserWords(path).tags == {"낱말모이": "NNP", "빅데이타": "NNG"}
    assert " ".join(WORD_TAGS) in (DOCS / page).read_text("utf-8")
