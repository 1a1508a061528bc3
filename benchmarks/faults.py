"""Claims: no kill, torn write or power cut costs a pretraining run a bit, and no damaged byte goes unseen.

    python benchmarks/faults.py [--quick] [--only kills,matrix,damage] [--objectives mlm,electra]

`kills`: a run is killed with SIGKILL at moments spread over its whole length and started again by the same
command; weights, moments and metrics (without the clock) must equal an undisturbed run's bit for bit.
`matrix`: a whole run from an empty folder dies at every single thing it does to a file: before it, after it,
with half of a write done, and with half of everything no fsync had asked for lost (tests/crashes.py).
`damage`: single flipped bits and truncations anywhere in a checkpoint must all be found.
Makes its own text, corpus, tokenizer and shards. About 15 minutes; `--quick` about two.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from tests.pretrain.matrix import Job  # noqa: E402
from tests.tiny.runs import contents  # noqa: E402

from malmoi.model.sizes import ModelConfig  # noqa: E402
from malmoi.pretrain.checkpoint import fault, newest_checkpoint  # noqa: E402
from malmoi.pretrain.config import PretrainConfig  # noqa: E402
from malmoi.pretrain.objectives import OBJECTIVES  # noqa: E402

STEPS, LOG_EVERY = 300, 5
TRAIN = (
    f"--steps {STEPS} --set pretrain.row_len=64 --set pretrain.batch_size=16 --set pretrain.lr=2e-3"
    f" --set pretrain.threads=1 --set pretrain.log_every={LOG_EVERY} --set pretrain.heldout_every=20"
    " --set pretrain.checkpoint_every=10 --set model.hidden=64 --set model.layers=2 --set model.heads=2"
)


def malmoi(*words: str) -> list[str]:
    return [sys.executable, "-m", "malmoi", "--quiet", *words]


def run(words: list[str]) -> None:
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def make_shards(folder: Path) -> Path:
    run(malmoi("sample", f"{folder}/sample"))
    run(malmoi("corpus", "build", f"{folder}/sample/corpus", "--out", f"{folder}/corpus"))
    run(malmoi("tokenizer", "train", f"{folder}/corpus", "--out", f"{folder}/tok", "--vocab-size", "2000"))
    run(malmoi("shards", "build", f"{folder}/corpus", f"{folder}/tok", "--out", f"{folder}/shards"))
    return folder / "shards"


def last_step(out: Path) -> int:
    """The last step a run's journal shows, also while it is being written."""
    try:
        lines = (out / "metrics.jsonl").read_bytes().split(b"\n")[:-1]
        return int(json.loads(lines[-1])["step"]) if lines else 0
    except (FileNotFoundError, ValueError):
        return 0


def kills(train: list[str], whole: Path, cut: Path, count: int, rng: random.Random) -> tuple[int, bool]:
    """How many kills met a running process, and whether the run ended like `whole`."""
    begun = time.monotonic()
    run([*train, "--out", str(whole)])
    lines = [json.loads(line) for line in (whole / "metrics.jsonl").read_text("utf-8").splitlines()]
    elapsed = max(line["clock"]["elapsed_s"] for line in lines if "clock" in line)
    a_line = elapsed * LOG_EVERY / STEPS
    before_first = time.monotonic() - begun - elapsed
    print(f"undisturbed: {time.monotonic() - begun:.1f} s, {elapsed:.1f} of them training", flush=True)
    # One kill in six anywhere in a start (imports, reading, the table of rows); the others when the journal
    # has reached a step drawn from the whole run, and up to two of its lines later.
    starts = count // 6
    targets = sorted(rng.randrange(0, STEPS - 4 * LOG_EVERY) for _ in range(count - starts))
    for _ in range(starts):
        targets.insert(rng.randrange(len(targets)), -1)
    met, tenths = 0, [0] * 10
    for number, target in enumerate(targets, 1):
        process = subprocess.Popen(
            [*train, "--out", str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        if target < 0:
            time.sleep(rng.uniform(0, before_first))
        else:
            seen = last_step(cut)  # until the process is up, the journal of the one before stands there
            while process.poll() is None and (
                last_step(cut) < max(target, LOG_EVERY) or seen == last_step(cut)
            ):
                seen = min(seen, last_step(cut))
                time.sleep(0.002)
            time.sleep(rng.uniform(0, 2 * a_line))
        met += process.poll() is None
        process.kill()
        process.wait()
        at = last_step(cut)
        tenths[min(9, at * 10 // STEPS)] += 1
        what = "in a start" if target < 0 else f"asked for step {target}"
        print(f"kill {number} of {count}: {what}, journal at {at}", flush=True)
    run([*train, "--out", str(cut)])
    print(f"kills in each tenth of the run: {tenths}")
    return met, contents(cut) == contents(whole)


def matrix(objective: str, shards: Path, scratch: Path, every: int) -> tuple[int, int]:
    """Points tried and points passed, over all events of a run of six steps from nothing."""
    job = Job(
        pretrain=PretrainConfig(
            objective=OBJECTIVES[objective].config(),
            row_len=32,
            batch_size=8,
            steps=6,
            log_every=1,
            heldout_every=3,
            heldout_rows=16,
            checkpoint_every=2,
            keep=2,
            precision="fp32",
            device="cpu",
            threads=1,
        ),
        model=ModelConfig(hidden=32, layers=2, heads=2, max_positions=32),
        shards=shards,
        base=None,
        scratch=scratch,
        kinds=["kill", "after", "torn", "power"],
        every=every,
    )
    scratch.mkdir()
    (scratch / "job.json").write_text(job.model_dump_json())
    words = [sys.executable, "-m", "tests.pretrain.matrix", str(scratch / "job.json")]
    done = subprocess.run(words, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    print(f"{objective} matrix: {found['points']} points, {found['states']} different states on disk")
    print(f"events of one run: {found['events']}")
    for line in found["failures"][:20]:
        print(f"FAILED {line}")
    return found["points"], found["points"] - len(found["failures"])


def damage(whole: Path, scratch: Path, count: int, rng: random.Random) -> int:
    """How many of `count` flipped bits and truncations of the newest checkpoint are found.

    Half of them hit a file drawn from all files, half a byte drawn from all bytes.
    """
    checkpoint = scratch / "step"
    shutil.copytree(newest_checkpoint(whole), checkpoint)
    files = sorted(p for p in checkpoint.rglob("*") if p.is_file())
    sizes = [file.stat().st_size for file in files]
    assert fault(checkpoint) is None
    found = 0
    for number in range(count):
        file = rng.choice(files) if number % 2 else rng.choices(files, sizes)[0]
        data = file.read_bytes()
        place = rng.randrange(len(data))
        if number % 3:
            damaged = bytearray(data)
            damaged[place] ^= 1 << rng.randrange(8)
        else:
            damaged = bytearray(data[:place])
        file.write_bytes(damaged)
        seen = fault(checkpoint) is not None
        if not seen:
            print(f"UNSEEN: {file.relative_to(checkpoint)} at byte {place}, case {number}")
        found += seen
        file.write_bytes(data)
    assert fault(checkpoint) is None
    return found


def claim(name: str, value: int | str, goal: int) -> None:
    verdict = "not-measured" if value == "-" else "ok" if value == goal else "short"
    print(f"claim {name} {value} goal {goal} {verdict}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true", help="5 kills, every 9th event, 60 damages")
    parser.add_argument("--only", default="kills,matrix,damage")
    parser.add_argument("--objectives", default="mlm,electra")
    parser.add_argument("--kills", type=int, default=25, help="of each objective")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    parts = set(options.only.split(","))
    count, every, damages = (5, 9, 60) if options.quick else (options.kills, 1, 300)
    rng = random.Random(options.seed)
    results: list[tuple[str, int | str, int]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shards = make_shards(folder)
        for objective in options.objectives.split(","):
            known = objective in OBJECTIVES
            out = folder / objective
            train = [
                *malmoi("pretrain", str(shards)),
                *TRAIN.split(),
                "--set",
                f"pretrain.objective={objective}",
            ]
            if "kills" in parts:
                met, same = kills(train, out / "whole", out / "cut", count, rng) if known else (0, False)
                # Those that met no running process prove nothing and do not count.
                results.append(
                    (f"{objective}-kills-bitwise-equal", (met if same else 0) if known else "-", count)
                )
            if "damage" in parts:
                if known and not (out / "whole").exists():
                    run([*train, "--out", str(out / "whole")])
                seen = damage(out / "whole", out, damages // 2, rng) if known else "-"
                results.append((f"{objective}-damages-found", seen, damages // 2))
            if "matrix" in parts:
                points, passed = (
                    matrix(objective, shards, folder / f"{objective}-matrix", every) if known else (0, "-")
                )
                results.append((f"{objective}-crash-matrix-passed", passed, points))
    for result in results:
        claim(*result)


if __name__ == "__main__":
    main()
