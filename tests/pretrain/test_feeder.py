"""Batches from another process: bit for bit those made here, whatever happens to either process."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from malmoi.errors import MalmoiError
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.feeder import Ended, Feeder, stream
from malmoi.pretrain.data.packing import RowBlock, RowTable
from malmoi.pretrain.data.shared import get, put, size_of
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import MlmCollator
from malmoi.shards.format import Shards
from tests.tiny.runs import MODEL, train, training

CPU = torch.device("cpu")
HERE = Path(__file__).resolve().parent


def feed_for(shards: Path, folder: Path, collator: Any = None, **changes: Any) -> Feed[Any]:
    config = training(**changes)
    opened = Shards.open(shards)
    kind = OBJECTIVES[config.objective.name].load()
    made = kind.collator(RunConfig(pretrain=config, model=MODEL), opened.special, opened.vocab_size)
    made = made if collator is None else collator(*(getattr(made, field.name) for field in fields(made)))
    return feed_of(config, RowTable.open(opened.train, config.row_len, folder), made, opened.special)


def never(code: str, **values: Any) -> None:
    pytest.fail(f"{code} {values}")


def leaves(item: Any) -> Iterator[Any]:
    """All values of a batch in order, arrays as (dtype, bytes)."""
    if isinstance(item, Tensor | np.ndarray):
        array = np.asarray(item)
        yield type(item), array.dtype, array.shape, array.tobytes()
    elif isinstance(item, list):
        for one in item:
            yield from leaves(one)
    elif is_dataclass(item):
        for field in fields(item):
            yield from leaves(getattr(item, field.name))
    else:
        yield item


@pytest.mark.parametrize(
    ("objective", "processes", "changes"),
    [
        ("mlm", 1, {"micro_batch_size": 3}),
        ("electra", 2, {"segment_pair_rate": 0.5, "copy_rate": 0.3, "micro_batch_size": 4}),
    ],
)
def test_the_same_batches_as_made_here(
    objective: str, processes: int, changes: dict[str, Any], shards: Path, tmp_path: Path
) -> None:
    feed = feed_for(shards, tmp_path, objective=objective, **changes)
    first, last = 3, 12  # more than there are slots, from the middle of a run
    wanted = [list(leaves(feed.batch(k))) for k in range(first, last)]
    made = stream(feed, first, last, CPU, warn=never, processes=processes)
    found = [list(leaves(batch)) for batch in made]
    assert found == wanted


def test_a_run_fed_by_a_process_is_bitwise_the_run_fed_by_a_thread(shards: Path, tmp_path: Path) -> None:
    """Cut and resumed in between."""
    for feed in ("thread", "process"):
        for steps in (4, 6):
            train(shards, tmp_path / feed, steps=steps, feed=feed)
    one, other = (tmp_path / feed / "checkpoints/step-6" for feed in ("thread", "process"))
    names = sorted(str(p.relative_to(one)) for p in one.rglob("*") if p.is_file())
    assert len(names) > 5
    assert [(one / n).read_bytes() for n in names] == [(other / n).read_bytes() for n in names]


def test_a_killed_process_is_replaced_and_nothing_changes(shards: Path, tmp_path: Path) -> None:
    feed = feed_for(shards, tmp_path)
    told: list[tuple[str, dict[str, Any]]] = []
    batches = stream(feed, 0, 8, CPU, warn=lambda code, **values: told.append((code, values)))
    found = [list(leaves(next(batches)))]
    os.kill(children()[0], signal.SIGKILL)
    found += [list(leaves(batch)) for batch in batches]
    assert found == [list(leaves(feed.batch(k))) for k in range(8)]
    assert told == [("MM0550", {"status": -9})]
    assert children() == []


def test_a_process_that_ends_before_its_first_batch_is_an_error(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("malmoi.pretrain.data.feeder.CHILD", "raise SystemExit(5)")
    with pytest.raises(MalmoiError, match=r"MM0551.*before its first batch \(status 5\)") as caught:
        list(stream(feed_for(shards, tmp_path), 0, 4, CPU, warn=never))
    assert "--set pretrain.feed=thread" in caught.value.do
    assert children() == []


def test_a_system_that_starts_no_process_is_an_error(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("malmoi.pretrain.data.feeder.sys.executable", str(tmp_path / "no-python"))
    with pytest.raises(MalmoiError, match=r"MM0551.*\(status No such file or directory\)"):
        list(stream(feed_for(shards, tmp_path), 0, 4, CPU, warn=never))


def test_a_killed_process_that_cannot_be_replaced_is_an_error(
    shards: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That error, and not one of closing what is closed."""
    told: list[str] = []
    batches = stream(feed_for(shards, tmp_path), 0, 8, CPU, warn=lambda code, **values: told.append(code))
    next(batches)
    monkeypatch.setattr("malmoi.pretrain.data.feeder.sys.executable", str(tmp_path / "no-python"))
    os.kill(children()[0], signal.SIGKILL)
    with pytest.raises(MalmoiError, match=r"MM0551.*\(status No such file or directory\)"):
        list(batches)
    assert told == ["MM0550"]
    assert children() == []


class Wrong(MlmCollator):
    """Fails at the third batch, as a fault in an objective would, or as a file that is gone."""

    def __call__(self, block: RowBlock, rows_R: NDArray[np.int64], seed: int, rate: float) -> MaskedBatch:
        if rows_R[0] == 16:
            raise MalmoiError("MM0501", "here", row_len=7)
        if rows_R[0] == 24:
            raise ZeroDivisionError("by nothing")
        return super().__call__(block, rows_R, seed, rate)


def test_what_a_process_raises_is_raised_here(shards: Path, tmp_path: Path) -> None:
    feed = feed_for(shards, tmp_path, Wrong)
    batches = stream(feed, 0, 8, CPU, warn=never)
    assert [len(next(batches)), len(next(batches))] == [1, 1]
    with pytest.raises(MalmoiError, match=r"MM0501 here: .*not a single row of 7 tokens"):
        next(batches)
    with pytest.raises(ZeroDivisionError, match="by nothing") as caught:
        list(stream(feed, 3, 8, CPU, warn=never))
    assert any("in batch" in note for note in caught.value.__notes__), (
        "where it happened in the other process"
    )
    assert children() == []


def test_closing_early_ends_the_processes(shards: Path, tmp_path: Path) -> None:
    batches = stream(feed_for(shards, tmp_path), 0, 1000, CPU, warn=never, processes=2)
    next(batches)
    assert len(children()) == 2
    batches.close()
    assert children() == []


def test_what_asks_the_run_to_end_does_not_end_the_process(shards: Path, tmp_path: Path) -> None:
    """Ctrl-C reaches all processes of a terminal, and a cluster's warning all of a job."""
    feeder = Feeder(feed_for(shards, tmp_path), range(6), CPU)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1):
        os.kill(feeder.process.pid, number)
    assert [feeder.take()[0].rows_R[0] for _ in range(6)] == [0, 8, 16, 24, 32, 40]
    feeder.close()
    with pytest.raises((Ended, OSError)):
        feeder.take()


RUN = """
import sys
import time
from pathlib import Path
from malmoi.errors import Interrupted
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.run import pretrain
config = PretrainConfig.model_validate_json(sys.argv[1])
try:
    pretrain(config, ModelConfig.model_validate_json(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
except Interrupted as stop:
    sys.exit(stop.exit_code)
"""


@pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs Linux")
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_no_process_and_no_memory_outlive_the_run(number: int, shards: Path, tmp_path: Path) -> None:
    before = set(Path("/dev/shm").iterdir())
    config = training(steps=100_000, feed="process", checkpoint_every=100_000)
    words = [config.model_dump_json(), MODEL.model_dump_json(), str(shards), str(tmp_path / "run")]
    parent = subprocess.Popen([sys.executable, "-c", RUN, *words])
    journal = tmp_path / "run" / "metrics.jsonl"
    while not journal.exists() or not journal.read_bytes():
        time.sleep(0.02)
        assert parent.poll() is None
    (child,) = children(parent.pid)
    handle = os.pidfd_open(child)
    try:
        os.kill(parent.pid, number)
        assert parent.wait(600) == (-9 if number == signal.SIGKILL else 143)
        assert select.select([handle], [], [], 600)[0], "the process that makes batches has ended too"
    finally:
        os.close(handle)
    assert set(Path("/dev/shm").iterdir()) <= before
    if number == signal.SIGTERM:
        assert json.loads(journal.read_text("utf-8").splitlines()[-1])["step"] >= 3


def test_any_shape_comes_back_and_what_is_larger_than_a_slot_is_refused() -> None:
    batch = [torch.arange(40).view(8, 5), np.arange(3, dtype=np.int32)]
    assert size_of(batch) == 320 + 64
    slot = np.empty(384, np.uint8)
    back = get(put(batch, slot), torch.from_numpy(slot), device=CPU)
    assert list(leaves(back)) == list(leaves(batch))
    with pytest.raises(ValueError, match="332 bytes or more in a slot of 330"):
        put(batch, np.empty(330, np.uint8))


def children(of: int | None = None) -> list[int]:
    """The running children of a process (this one) that make batches."""
    of = of or os.getpid()
    found = Path(f"/proc/{of}/task").glob("*/children")
    pids = [int(pid) for file in found for pid in file.read_text().split()]
    return [pid for pid in pids if b"feeder" in Path(f"/proc/{pid}/cmdline").read_bytes()]
