"""Names that become folders, and folders laid out for another recipe."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from malmoi.cli.recipe import _check_names, check_layout
from malmoi.errors import MalmoiError


@pytest.mark.parametrize(
    "names",
    [
        ["가" * 67],
        ["manifest.json"],
        ["a\nb"],
        ["a\x07"],
        ["Plain", "plain"],
        ["말", unicodedata.normalize("NFD", "말")],
    ],
)
def test_names_that_no_folder_can_have(names: list[str]) -> None:
    with pytest.raises(MalmoiError, match="MM0805"):
        _check_names("runs", names, {})


def test_names_that_are_fine() -> None:
    _check_names("runs", ["가" * 66, "말모이 둘", "plain-2", "manifest"], {})


def test_a_run_is_not_hidden_by_several(tmp_path: Path) -> None:
    (tmp_path / "pretrain").mkdir()
    (tmp_path / "pretrain" / "manifest.json").write_text("{}")
    check_layout(tmp_path, [""], ["pretrain"])
    with pytest.raises(MalmoiError, match="MM0806"):
        check_layout(tmp_path, [""], ["pretrain/a"])
    (tmp_path / "pretrain" / "manifest.json").unlink()
    (tmp_path / "pretrain" / "a").mkdir()
    (tmp_path / "pretrain" / "a" / "manifest.json").write_text("{}")
    check_layout(tmp_path, [""], ["pretrain/a"])
    with pytest.raises(MalmoiError, match="MM0806"):
        check_layout(tmp_path, [""], ["pretrain"])
