"""Two small tokenizers learned from our sentences, and the folders they are saved in."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tokenizer.conftest import small  # noqa: F401 - a fixture

SPECIAL = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
WHOLE = WordPiece([*SPECIAL, "마당에서", "고추를", "말렸다", "."])
"""Knows whole eojeols and nothing else."""
PARTS = WordPiece(
    [*SPECIAL, "마당", "고추", "말", "비", ".", "##에서", "##를", "##렸", "##다", "##마당", "##가"]
)
"""Knows morphemes, and cuts 말렸다 into three."""


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `whole/` and `parts/`."""
    folder = tmp_path_factory.mktemp("tokenizers")
    WHOLE.save(folder / "whole")
    PARTS.save(folder / "parts")
    return folder
