"""Slices: same results on one worker or two, skipped when done, first error raised, a dead worker named."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

import pytest

from malmoi.errors import MalmoiError
from malmoi.progress import SILENT
from malmoi.slices import Slice, run_slices


def count_letters(spec: dict[str, Any], folder: Path) -> dict[str, Any]:
    """A real little piece of work; `mode` makes it fail in the ways work fails."""
    if spec["mode"] == "error":
        raise MalmoiError("MM0001", spec["where"], path=spec["where"])
    if spec["mode"] == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    with Path(spec["log"]).open("a") as log:
        log.write(spec["text"] + "\n")
    (folder / "out.txt").write_text(spec["text"] * 2)
    return {"letters": len(spec["text"])}


def _slices(folder: Path, modes: list[str]) -> list[Slice[dict[str, Any]]]:
    return [
        Slice(
            f"s-{i}",
            {"mode": mode, "text": "가" * (i + 1), "log": str(folder / "log"), "where": "x.txt"},
            [i],
            1.0,
        )
        for i, mode in enumerate(modes)
    ]


def _run(folder: Path, modes: list[str], workers: int) -> list[dict[str, Any]]:
    with SILENT.step("base.current", None, "file") as step:
        return run_slices(count_letters, _slices(folder, modes), folder / "work", workers=workers, step=step)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_come_in_order_and_done_slices_are_skipped(tmp_path: Path, workers: int) -> None:
    expected = [{"letters": n} for n in (1, 2, 3)]
    assert _run(tmp_path, ["work"] * 3, workers) == expected
    assert _run(tmp_path, ["work"] * 3, workers) == expected
    assert sorted((tmp_path / "log").read_text().split()) == ["가", "가가", "가가가"], "each ran once"
    assert (tmp_path / "work" / "s-2" / "out.txt").read_text() == "가" * 6


def test_an_error_in_a_worker_reaches_the_user_and_the_rest_resumes(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as caught:
        _run(tmp_path, ["work", "work", "error"], 2)
    assert (caught.value.code, caught.value.where) == ("MM0001", "x.txt")
    assert _run(tmp_path, ["work"] * 3, 1)[2] == {"letters": 3}


def test_a_killed_worker_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match=r"MM0017.*a worker process died"):
        _run(tmp_path, ["work", "die", "work"], 2)
