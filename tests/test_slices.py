"""Slices: same results on one worker or two, skipped when done, first error raised, a dead worker named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
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


class Moves:
    def __init__(self) -> None:
        self.skipped, self.advanced = 0.0, 0.0

    def skip(self, amount: float) -> None:
        self.skipped += amount

    def advance(self, amount: float, detail: str = "") -> None:
        self.advanced += amount


def test_what_an_earlier_run_has_done_is_no_speed_of_this_one(tmp_path: Path) -> None:
    _run(tmp_path, ["work"] * 2, 1)
    step = Moves()
    run_slices(count_letters, _slices(tmp_path, ["work"] * 3), tmp_path / "work", workers=1, step=step)
    assert (step.skipped, step.advanced) == (2.0, 1.0)


def test_an_error_in_a_worker_reaches_the_user_and_the_rest_resumes(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as caught:
        _run(tmp_path, ["work", "work", "error"], 2)
    assert (caught.value.code, caught.value.where) == ("MM0001", "x.txt")
    assert _run(tmp_path, ["work"] * 3, 1)[2] == {"letters": 3}


def test_a_killed_worker_is_named(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match=r"MM0017.*a worker process died"):
        _run(tmp_path, ["work", "die", "work"], 2)


def test_workers_do_not_outlive_a_killed_parent(tmp_path: Path) -> None:
    """Run from a script, killed without warning: its workers end within seconds."""
    code = f"""
import sys, time
sys.path.insert(0, {str(Path(__file__).parents[1])!r})
from pathlib import Path
from malmoi.progress import SILENT
from malmoi.slices import Slice, run_slices
from tests.test_slices import tell_and_wait
if __name__ == "__main__":
    parts = [Slice(f"s-{{i}}", str(Path({str(tmp_path)!r}) / f"pid-{{i}}"), i, 1.0) for i in range(2)]
    with SILENT.step("base.current", None, "file") as step:
        run_slices(tell_and_wait, parts, Path({str(tmp_path / "work")!r}), workers=2, step=step)
"""
    script = tmp_path / "script.py"
    script.write_text(code)
    parent = subprocess.Popen([sys.executable, str(script)], stderr=subprocess.DEVNULL)
    wait_for(lambda: all((tmp_path / f"pid-{i}").exists() for i in range(2)))
    workers = [int((tmp_path / f"pid-{i}").read_text()) for i in range(2)]
    assert all(Path(f"/proc/{pid}").exists() for pid in workers)
    parent.kill()
    parent.wait()
    wait_for(lambda: not any(running(pid) for pid in workers))


def tell_and_wait(spec: str, folder: Path) -> dict[str, Any]:
    Path(spec + ".tmp").write_text(str(os.getpid()))
    Path(spec + ".tmp").rename(spec)
    time.sleep(3600)
    return {}


def running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 600
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
