"""The crash matrix: one process imports torch, and forks a child for every event of a run to die at.

    python -m tests.pretrain.matrix JOB.json

The job names a base folder, which is copied for every point; the child resumes it and dies at its event, a
second child runs the same command again, and what it leaves must equal the undisturbed run bit for bit.
Prints JSON: how often each event occurred, how many points were tried and which failed.
"""

from __future__ import annotations

import gc
import hashlib
import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy.ma  # noqa: F401 - np.unique imports it, 20 ms in each child
import torch._dynamo  # noqa: F401 - drawing weights on the meta device imports it, 1.6 s in each child
from pydantic import BaseModel

from malmoi.model.sizes import ModelConfig
from malmoi.pretrain import loop
from malmoi.pretrain.checkpoint import fault
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.run import pretrain
from tests.crashes import Kind, Plan, watch
from tests.tiny.runs import contents


class Job(BaseModel):
    """What to train from where. `every`: only every n-th event is tried, beginning with `first`."""

    pretrain: PretrainConfig
    model: ModelConfig
    shards: Path
    base: Path | None
    """A run folder to start from; None: nothing."""
    scratch: Path
    kinds: list[Kind]
    every: int = 1
    first: int = 1


def reached(run: Path) -> int:
    """The step of the newest whole checkpoint."""
    folder = run / "checkpoints"
    steps = [int(p.name[5:]) for p in folder.glob("step-*") if p.name[5:].isdigit() and fault(p) is None]
    return max(steps, default=0)


def disk_state(run: Path) -> str:
    """A digest of all names and bytes but the clock's: what the next start can know of the death."""
    state = hashlib.sha256()
    for path in sorted(run.rglob("*")):
        state.update(str(path.relative_to(run)).encode() + b"\0")
        if path.is_file():
            data = re.sub(rb'"clock": \{[^}]*\}', b"", path.read_bytes())
            state.update(b"%d\0" % len(data) + data)
    return state.hexdigest()


def in_child(work: Callable[[], Any]) -> int:
    """Run in a forked child; its exit status, negative for a signal."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def run_matrix(job: Job, say: Callable[[str], object] = lambda _: None) -> dict[str, Any]:
    """Try every point of the job. Deaths that leave the same bytes are followed by one second start."""
    # The machine's matrix rate is measured for 0.2 s a process and enters nothing but the clock.
    loop.matmul_rate = lambda *_: 1e12  # type: ignore[assignment]
    gc.collect()
    gc.freeze()

    def train(run: Path) -> None:
        pretrain(job.pretrain, job.model, job.shards, run)

    def watched(run: Path, plan: Plan) -> None:
        watch(plan)
        train(run)
        names = list(plan.events)
        (job.scratch / "events.json").write_text(json.dumps(names), "utf-8")

    def fresh(name: str) -> Path:
        run = job.scratch / name
        shutil.rmtree(run, ignore_errors=True)
        if job.base is not None:
            shutil.copytree(job.base, run)
        return run

    whole, counting = fresh("whole"), fresh("counting")
    assert in_child(lambda: train(whole)) == 0
    wanted = contents(whole)
    before = reached(job.base) if job.base is not None else 0
    assert in_child(lambda: watched(counting, Plan(below=counting))) == 0
    assert contents(counting) == wanted, "watching changes nothing"
    events: list[str] = json.loads((job.scratch / "events.json").read_text("utf-8"))

    def judge(run: Path) -> str:
        if (left := reached(run)) < before:
            return f"work lost, step {left} < {before}"
        if in_child(lambda: train(run)) != 0:
            return "cannot go on"
        found = contents(run)
        odd = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        return f"differs in {odd[:4]}" if odd else ""

    verdicts: dict[str, str] = {}
    failures: list[str] = []
    points = 0
    for kind in job.kinds:
        for i in range(job.first, len(events) + 1, job.every):
            if kind == "torn" and events[i - 1] != "write":
                continue
            if kind == "power" and events[i - 1] == "close":  # nothing is lost or won by closing
                continue
            points += 1
            run = fresh("run")
            plan = Plan(at=i, kind=kind, below=run)
            ended = in_child(lambda run=run, plan=plan: watched(run, plan))  # type: ignore[misc]
            if ended != -signal.SIGKILL:
                verdict = f"not killed but {ended}"
            else:
                state = disk_state(run)
                if state not in verdicts:
                    verdicts[state] = judge(run)
                verdict = verdicts[state]
            if verdict:
                failures.append(f"{kind} at event {i} of {len(events)} ({events[i - 1]}): {verdict}")
        say(f"{kind}: {points} points, {len(verdicts)} different states, {len(failures)} failures")
    return {
        "events": dict(Counter(events)),
        "points": points,
        "states": len(verdicts),
        "failures": failures,
    }


if __name__ == "__main__":
    asked = Job.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
    print(json.dumps(run_matrix(asked, lambda line: print(line, file=sys.stderr, flush=True))))
