"""The loop when nobody looks at each step, as on a GPU: the same run, and the same stop before the update."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.pretrain import speed
from malmoi.pretrain.checkpoint import newest_checkpoint
from malmoi.pretrain.journal import read_journal
from malmoi.pretrain.loop import AHEAD
from malmoi.pretrain.run import pretrain

from .conftest import MODEL, TRAINING

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from against.launches import CPU_ONLY, counted


def run(shards: Path, out: Path, **changes: object) -> dict[str, bytes]:
    """All files of the newest checkpoint."""
    pretrain(TRAINING.model_copy(update=changes), MODEL, shards, out)
    newest = newest_checkpoint(out)
    return {str(p.relative_to(newest)): p.read_bytes() for p in newest.rglob("*") if p.is_file()}


def journal(out: Path) -> list[dict[str, object]]:
    return [{k: v for k, v in line.items() if k != "clock"} for line in read_journal(out)]


@pytest.fixture
def late(monkeypatch: pytest.MonkeyPatch) -> None:
    """Steps are looked at as on a GPU."""
    monkeypatch.setattr("malmoi.pretrain.run.steps_ahead", lambda device: AHEAD)


@pytest.mark.parametrize("objective", ["mlm", "electra"])
def test_looking_late_changes_no_bit(
    objective: str, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"objective": objective, "log_every": 5, "checkpoint_every": 7, "micro_rows": 4}
    at_once = run(shards, tmp_path / "at-once", **changes)
    monkeypatch.setattr("malmoi.pretrain.run.steps_ahead", lambda device: AHEAD)
    assert run(shards, tmp_path / "late", **changes) == at_once
    assert journal(tmp_path / "late") == journal(tmp_path / "at-once")


def test_a_fault_seen_late_leaves_what_was_before_it(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same step is refused, the same rows named, and the same bits saved, though steps went by since."""
    wild = {"lr": 1e30, "warmup": 0.0, "decay": "none", "log_every": 1000, "checkpoint_every": 1000}
    texts, saved = [], []
    for name, ahead in (("at-once", 1), ("late", 9)):
        monkeypatch.setattr("malmoi.pretrain.run.steps_ahead", lambda device, ahead=ahead: ahead)
        with pytest.raises(MalmoiError, match=r"MM0509.*stopped before the update") as caught:
            run(shards, tmp_path / name, steps=20, **wild)
        texts.append(str(caught.value).replace(f"/{name}:", ""))
        newest = newest_checkpoint(tmp_path / name)
        assert newest.name == f"step-{int(caught.value.values['step']) - 1}"
        files = [newest / n for n in ("model.safetensors", "state/moments.safetensors", "state/train.json")]
        saved.append([file.read_bytes() for file in files])
    assert texts[0] == texts[1] and saved[0] == saved[1]
    assert int(caught.value.values["step"]) < 9, "it was not the last step that nobody had looked at"


@pytest.mark.parametrize("objective", ["mlm", "electra"])
def test_a_step_asks_the_device_for_nothing(
    objective: str, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"objective": objective, "micro_rows": 4, "steps": 12}
    changes |= {"log_every": 6, "heldout_every": 6, "checkpoint_every": 6}
    quiet = (2, 3, 4, 5, 8, 9, 10, 11)
    with counted(lambda step: step in quiet) as at_once:
        run(shards, tmp_path / "at-once", **changes)
    assert at_once.waited["after the step"] == len(quiet), "a look at each step is seen by what counts"
    monkeypatch.setattr("malmoi.pretrain.run.steps_ahead", lambda device: AHEAD)
    with counted(lambda step: step in quiet) as late:
        run(shards, tmp_path / "late", **changes)
    assert late.steps == len(quiet)
    assert {cause for cause, count in late.waited.items() if count} <= {CPU_ONLY}
    assert late.launched["after the step"] == 0
    assert late.launched["forward"] > 20 * len(quiet) and late.launched["backward"] > 20 * len(quiet)


def test_the_rate_leaves_out_scoring_and_the_time_left_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(speed.time, "monotonic", lambda: now[0])
    watch = speed.Speed(flops_per_token=2.0, peak_flops=1000.0, first_step=10)
    watch.go_on()
    watch.count(300)
    now[0] += 3  # computing
    watch.pause()
    now[0] += 5  # scoring
    watch.go_on()
    watch.count(100)
    now[0] += 1
    assert watch.clock(step=13, steps=16) == {
        "tokens_per_s": 100.0,
        "mfu": 0.2,
        "elapsed_s": 9.0,
        "left_s": 9.0,
    }
    watch.count(50)
    now[0] += 2
    assert watch.clock(step=14, steps=16)["tokens_per_s"] == 25.0
