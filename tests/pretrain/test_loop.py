"""The loop when nobody looks at each step, as on a GPU: the same run, and the same stop before the update."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.pretrain.checkpoint import newest_checkpoint
from malmoi.pretrain.loop import AHEAD
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import Mlm
from malmoi.pretrain.run import pretrain
from malmoi.training import throughput
from malmoi.training.step import Loss
from tests.tiny.runs import MODEL, journal, train, training

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from against.launches import CPU_ONLY, counted


def run(shards: Path, out: Path, **changes: object) -> dict[str, bytes]:
    """All files of the newest checkpoint."""
    newest = newest_checkpoint(train(shards, out, **changes))
    return {str(p.relative_to(newest)): p.read_bytes() for p in newest.rglob("*") if p.is_file()}


@pytest.mark.parametrize("objective", ["mlm", "electra"])
def test_looking_late_changes_no_bit(
    objective: str, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {
        "objective": objective,
        "log_every": 5,
        "checkpoint_every": 7,
        "micro_batch_size": 4,
    }
    at_once = run(shards, tmp_path / "at-once", **changes)
    monkeypatch.setattr("malmoi.pretrain.build.steps_ahead", lambda device: AHEAD)
    assert run(shards, tmp_path / "late", **changes) == at_once
    assert journal(tmp_path / "late") == journal(tmp_path / "at-once")


class Stumbles(Mlm):
    """The loss of row 17, in the third batch, is not a number; those before and behind it are."""

    def forward(self, batch: MaskedBatch, counts: Mapping[str, float]) -> Loss:
        found = super().forward(batch, counts)
        return replace(found, total=found.total * math.nan) if 17 in batch.rows_R else found


@pytest.mark.parametrize("ahead", [1, 2, 9])
def test_a_fault_seen_late_leaves_what_was_before_it(
    ahead: int, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row is named and weights and moments are those of the step before, though steps went by since."""
    monkeypatch.setattr("malmoi.pretrain.build.steps_ahead", lambda device: ahead)
    plain = {
        "warmup": 0.0,
        "schedule": "constant",
        "log_every": 1000,
        "checkpoint_every": 1000,
        "micro_batch_size": 4,
    }
    config = training(**plain, steps=20)
    with pytest.raises(MalmoiError, match=r"MM0509.*not finite at step 3; .*Rows: 17\n") as caught:
        pretrain(config, MODEL, shards, tmp_path / "run", objective=Stumbles)
    assert caught.value.values["rate"] == "0.003" and "part-00000[" in caught.value.why
    wanted = run(shards, tmp_path / "before", **plain, steps=2)
    newest = newest_checkpoint(tmp_path / "run")
    assert newest.name == "step-2"
    for name in ("model.safetensors", "state/moments.safetensors"):
        assert (newest / name).read_bytes() == wanted[name]


@pytest.mark.parametrize("objective", ["mlm", "electra"])
def test_a_step_asks_the_device_for_nothing(
    objective: str, shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = {"objective": objective, "micro_batch_size": 4, "steps": 12}
    changes |= {"log_every": 6, "heldout_every": 6, "checkpoint_every": 6}
    quiet = (2, 3, 4, 5, 8, 9, 10, 11)
    with counted(lambda step: step in quiet) as at_once:
        run(shards, tmp_path / "at-once", **changes)
    assert at_once.waited["after the step"] == len(quiet), "a look at each step is seen by what counts"
    monkeypatch.setattr("malmoi.pretrain.build.steps_ahead", lambda device: AHEAD)
    with counted(lambda step: step in quiet) as late:
        run(shards, tmp_path / "late", **changes)
    assert late.steps == len(quiet)
    assert {cause for cause, count in late.waited.items() if count} <= {CPU_ONLY}
    assert late.launched["after the step"] == 0
    assert late.launched["forward"] > 20 * len(quiet) and late.launched["backward"] > 20 * len(quiet)


def test_the_rate_leaves_out_scoring_and_the_time_left_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(throughput.time, "monotonic", lambda: now[0])
    watch = throughput.Speed(flops_per_token=2.0, peak_flops=1000.0, first_step=10)
    watch.resume()
    watch.count(300)
    now[0] += 3  # computing
    watch.pause()
    now[0] += 5  # scoring
    watch.resume()
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
