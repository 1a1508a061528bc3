"""Claim: the tests notice at least 95 % of the wrong changes planted into the arithmetic that matters.

    python -m benchmarks.mutants [MODULE ...] [--each 32] [--all] [--jobs 2]

`plan.toml` says which tests judge which module, and which survivors were looked at and are no fault. A run
takes `--each` changes of each module, always the same ones (`--all`: every one), plants one at a time, runs
the module's tests until the first fails, and lists the survivors nobody has judged. Exit code 1 where the
share of noticed or judged changes is below the goal. Needs the extra `mutants`.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

# Before torch is imported: forks have one thread each, and none is left behind in this process.
os.environ |= {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "POLARS_MAX_THREADS": "1",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1",
}

from benchmarks.mutants.fork import Outcome, Run, import_what_is_slow
from benchmarks.mutants.plan import SOURCE, Mutant, mutants

GOAL = 0.95
PATIENCE = 5.0  # a changed module may take so many times as long as the right one before it counts as endless
PLAN = Path(__file__).with_name("plan.toml")


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutants")
    parser.add_argument("modules", nargs="*", help="such as pretrain/data/packing; none: all of plan.toml")
    parser.add_argument("--each", type=int, default=32, help="changes of each module")
    parser.add_argument("--all", action="store_true", help="all changes of each module")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="changes tried at once")
    given = parser.parse_args(words)
    plan = tomllib.loads(PLAN.read_text("utf-8"))
    tests: dict[str, list[str]] = plan["tests"]
    judged = {(one["module"], key(one["was"]), key(one["is"])) for one in plan.get("judged", [])}
    import_what_is_slow()
    total = Counter[str]()
    for module in given.modules or tests:
        started = time.monotonic()
        granted = PATIENCE * seconds_unchanged(module, tests[module])
        drawn = mutants(module, None if given.all else given.each)
        found = Counter[str]()
        for mutant, outcome in outcomes(drawn, tests[module], granted, given.jobs):
            was, now = mutant.lines
            known = outcome == "survived" and (module, key(was), key(now)) in judged
            found["judged" if known else outcome] += 1
            if not known and outcome in ("survived", "broken"):
                print(f"  {outcome}: {module}\n    - {was}\n    + {now}", flush=True)
        total += found
        told = ", ".join(f"{count} {name}" for name, count in found.most_common())
        print(f"{module}: {told} of {len(drawn)}, {time.monotonic() - started:.0f} s", flush=True)
    planted = sum(total.values())
    score = 1 - (total["survived"] + total["broken"]) / planted
    verdict = "ok" if score >= GOAL else "short"
    print(f"{planted} planted: {', '.join(f'{count} {name}' for name, count in total.most_common())}")
    print(f"claim mutation-score {score:.3f} goal {GOAL} {verdict}")
    return 0 if verdict == "ok" else 1


def key(line: str) -> str:
    """A line without its white space: what a judgement is known by, wherever the line stands."""
    return "".join(line.split())


def seconds_unchanged(module: str, tests: Sequence[str]) -> float:
    """CPU seconds of the tests on the module as it is. Exits where they are red."""
    run = Run(module, (SOURCE / f"{module}.py").read_text("utf-8"), tests, 600)
    _, status, used = os.wait4(run.pid, 0)
    told = run.told()
    if (outcome := run.ended(status)) != "survived":
        sys.exit(f"{module}: its tests are red before anything is changed ({outcome})\n{told}")
    return used.ru_utime + used.ru_stime


def outcomes(
    drawn: Sequence[Mutant], tests: Sequence[str], seconds: float, jobs: int
) -> Iterator[tuple[Mutant, Outcome]]:
    """Each change with what became of it, as they end; `jobs` at a time."""
    waiting, running = list(reversed(drawn)), dict[int, tuple[Mutant, Run]]()
    while waiting or running:
        while waiting and len(running) < jobs:
            mutant = waiting.pop()
            run = Run(mutant.module, mutant.mutated, tests, seconds)
            running[run.pid] = mutant, run
        pid, status = os.wait()
        mutant, run = running.pop(pid)
        yield mutant, run.ended(status)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
