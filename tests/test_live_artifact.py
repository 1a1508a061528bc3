"""A run that replaces another: the old one is there until the new one is finished, whatever happens."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from malmoi.artifact.finished import is_current, open_artifact, read_manifest
from malmoi.artifact.live import live_artifact, locked_output, restore_backup
from malmoi.config import Section
from malmoi.context import Context
from malmoi.errors import MalmoiError

KILLED = """
import os, signal, sys
from pathlib import Path
from malmoi.config import Section
from malmoi.artifact.live import live_artifact, locked_output
out = Path(sys.argv[1])
with locked_output(out), live_artifact(out, "finetune", Section(), "new", inputs={}, seed=0):
    os.kill(os.getpid(), signal.SIGKILL)
"""


POWER_CUT = """
import os, sys
from pathlib import Path
from malmoi.config import Section
from malmoi.artifact.live import live_artifact, locked_output
from tests.crashes import Plan, watch

def write(out, at):
    plan = Plan(at, "power", out.parent)
    watch(plan)
    with locked_output(out), live_artifact(out, "finetune", Section(), "new", inputs={}, seed=0) as draft:
        (draft.path / "model").mkdir()
        for name in ("model/weights", "scores.tsv"):
            with open(draft.path / name, "w") as stream:
                stream.write("w" * 1000)
    os._exit(0)

at, status = 0, None
while status != 0:  # until it came to its end
    at += 1
    if (child := os.fork()) == 0:
        write(Path(sys.argv[1]) / str(at) / "run", at)
    status = os.waitpid(child, 0)[1]
"""


def write(out: Path, key: str, error: type[BaseException] | None = None) -> None:
    with locked_output(out), live_artifact(out, "finetune", Section(), key, inputs={}, seed=0) as draft:
        (draft.path / "scores.json").write_text(key, "utf-8")
        if error is not None:
            raise error


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("left", [[], ["manifest.json.tmp"]])
def test_a_folder_cut_before_its_first_manifest_is_new(left: list[str], tmp_path: Path) -> None:
    out = tmp_path / "run"
    out.mkdir()
    for name in left:
        (out / name).write_text("{", "utf-8")
    write(out, "new")
    assert names(out) == ["manifest.json", "scores.json"]
    assert is_current(out, "finetune", "new", Context(verify=True))


def test_a_folder_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "manifest.json.tmp").write_text("{", "utf-8")
    (tmp_path / "thesis.txt").write_text("…", "utf-8")
    with pytest.raises(MalmoiError, match="MM0014"):
        write(tmp_path, "new")
    assert names(tmp_path) == ["manifest.json.tmp", "thesis.txt"]


@pytest.mark.parametrize("before", [None, "running", "finished"])
def test_only_one_process_works_in_a_folder(before: str | None, tmp_path: Path) -> None:
    out = tmp_path / "run"
    if before == "finished":
        write(out, "old")
    elif before == "running":
        with pytest.raises(ValueError):
            write(out, "old", ValueError)
    with locked_output(out), live_artifact(out, "finetune", Section(), "new", inputs={}, seed=0) as draft:
        (draft.path / "half").write_text("…", "utf-8")
        with pytest.raises(MalmoiError, match="MM0006"):
            write(out, "other")
        with pytest.raises(MalmoiError, match="MM0006"), locked_output(out):
            pass
    assert is_current(out, "finetune", "new", Context(verify=True))
    assert names(out) == ["half", "manifest.json"] and names(tmp_path) == ["run"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_finished_run_comes_back_when_the_new_one_fails(error: type[BaseException], tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(out, "old")
    with pytest.raises(error):
        write(out, "new", error)
    assert names(tmp_path) == ["run"]
    assert is_current(out, "finetune", "old")  # size, time and inode too
    write(out, "new")
    assert names(tmp_path) == ["run"]
    assert (out / "scores.json").read_text("utf-8") == "new"


def test_a_running_one_is_replaced(tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        write(tmp_path / "run", "old", ValueError)
    with pytest.raises(ValueError):
        write(tmp_path / "run", "new", ValueError)
    assert (read_manifest(tmp_path / "run").state, read_manifest(tmp_path / "run").key) == ("running", "new")
    assert names(tmp_path) == ["run"]


def test_a_finished_run_comes_back_after_a_kill(tmp_path: Path) -> None:
    out = tmp_path / "run"
    write(out, "old")
    done = subprocess.run([sys.executable, "-c", KILLED, str(out)])
    assert done.returncode == -signal.SIGKILL
    assert read_manifest(out).key == "new"
    with locked_output(out):
        assert is_current(out, "finetune", "old")
    out.rename(tmp_path / ".run.before")  # a kill between moving aside and the new folder
    with locked_output(out):
        assert is_current(out, "finetune", "old")
    assert names(tmp_path) == ["run"]


def test_a_finished_new_run_stays_after_a_kill(tmp_path: Path) -> None:
    write(tmp_path / ".run.before", "old")
    write(tmp_path / "elsewhere", "new")
    (tmp_path / "elsewhere").rename(tmp_path / "run")
    restore_backup(tmp_path / "run")
    assert is_current(tmp_path / "run", "finetune", "new")
    assert names(tmp_path) == ["run"]


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "large disk").mkdir()
    out = tmp_path / "run"
    out.symlink_to(tmp_path / "large disk")
    write(out, "old")
    with pytest.raises(ValueError):
        write(out, "new", ValueError)
    assert is_current(out, "finetune", "old")
    write(out, "new")
    assert out.is_symlink() and is_current(out, "finetune", "new")
    assert names(tmp_path) == ["large disk", "run"]


def test_what_says_finished_is_on_the_disk(tmp_path: Path) -> None:
    """After a power cut half is gone of what no fsync had asked for: never of what says it is finished."""
    subprocess.run(
        [sys.executable, "-c", POWER_CUT, str(tmp_path)], check=True, cwd=Path(__file__).parents[1]
    )
    cuts = [tmp_path / at / "run" for at in names(tmp_path)]
    assert len(cuts) > 10
    finished = [
        out for out in cuts if (out / "manifest.json").exists() and read_manifest(out).state == "finished"
    ]
    assert len(finished) > 1, "the last events come after the manifest's rename"
    for out in finished:
        assert open_artifact(out, "finetune", verify=True).files.keys() == {"model/weights", "scores.tsv"}


def test_what_empties_a_folder_keeps_its_manifest_to_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cut while a folder of an unfinished run is emptied, it still says whose it is."""
    out = tmp_path / "run"
    with pytest.raises(ValueError):
        write(out, "old", ValueError)
    (out / "model").mkdir()
    (out / "zebra").mkdir()

    def cut(folder: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("malmoi.artifact.live.shutil.rmtree", cut)
    with pytest.raises(KeyboardInterrupt):
        write(out, "new")
    assert read_manifest(out).state == "running"


def test_a_manifest_answers_for_its_own_files_and_not_for_artifacts_inside(tmp_path: Path) -> None:
    out, begun = tmp_path / "run", time.monotonic()
    with locked_output(out), live_artifact(out, "league", Section(), "k", inputs={}, seed=0) as draft:
        for name in ("table.json", "curve/points.json", "cells/a/manifest.json", "cells/a/model/config.json"):
            (draft.path / name).parent.mkdir(parents=True, exist_ok=True)
            (draft.path / name).write_text("{}", "utf-8")
    manifest = read_manifest(out)
    assert set(manifest.files) == {"table.json", "curve/points.json"}
    assert 0 <= manifest.timings["total_s"] <= time.monotonic() - begun + 0.001
