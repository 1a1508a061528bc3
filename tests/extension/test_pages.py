"""The pages "add a …" show the toys of these tests, letter for letter, in both languages."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent
DOCS = HERE.parents[1] / "docs"
# docs/PAGE and docs/ko/PAGE show tests/extension/TOY.
PAGES = {
    "add-analyzer.md": "particles.py",
    "add-masking.md": "whole_words.py",
    "add-metric.md": "within_one.py",
    "add-objective.md": "swapped.py",
    "add-optimizer.md": "sign_sgd.py",
    "add-reader.md": "ini.py",
    "add-schedule.md": "sawtooth.py",
    "add-stage.md": "documents.py",
    "add-task-kind.md": "count.py",
    "add-tokenizer.md": "characters.py",
}


def test_every_such_page_is_here() -> None:
    for folder in (DOCS, DOCS / "ko"):
        assert {page.name for page in folder.glob("add-*.md")} == set(PAGES)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("folder", [DOCS, DOCS / "ko"], ids=["en", "ko"])
def test_the_page_shows_the_toy(folder: Path, page: str) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", (folder / page).read_text("utf-8"), re.M | re.S)
    assert (HERE / PAGES[page]).read_text("utf-8") in blocks
