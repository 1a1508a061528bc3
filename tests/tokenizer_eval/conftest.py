"""Two tokenizers whose cuts can be counted by hand, in folders."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tiny.tokenizers import PARTS, WHOLE


@pytest.fixture(scope="session")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `whole/` and `parts/`."""
    folder = tmp_path_factory.mktemp("tokenizers")
    WHOLE.save(folder / "whole")
    PARTS.save(folder / "parts")
    return folder
