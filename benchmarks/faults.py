"""Claim: a pretraining run killed with SIGKILL at random moments and started again each time ends with the
same weights, optimizer state and metrics, bit for bit, as one that was never disturbed.

Makes its own text, corpus, tokenizer and shards; `python benchmarks/faults.py [KILLS] [SEED]`.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PRETRAIN = (
    "--set pretrain.row_len=64 --set pretrain.batch_rows=16 --set pretrain.lr=2e-3 --set pretrain.threads=1"
)
OFTEN = "--set pretrain.log_every=5 --set pretrain.heldout_every=20 --set pretrain.checkpoint_every=10"
SMALL = "--set model.hidden=64 --set model.layers=2 --set model.heads=2 --steps 300"


def malmoi(*words: str) -> list[str]:
    return [sys.executable, "-m", "malmoi", "--quiet", *words]


def contents(run: Path) -> dict[str, object]:
    """Every byte of the checkpoints, and the journal without its clock."""
    files: dict[str, object] = {
        str(p.relative_to(run)): p.read_bytes() for p in (run / "checkpoints").rglob("*") if p.is_file()
    }
    lines = [json.loads(line) for line in (run / "metrics.jsonl").read_text("utf-8").splitlines()]
    return files | {"journal": [{k: v for k, v in line.items() if k != "clock"} for line in lines]}


def progress(run: Path) -> object:
    """What changes as a run goes on: the journal, checkpoints and drafts of checkpoints."""
    journal, folder = run / "metrics.jsonl", run / "checkpoints"
    size = journal.stat().st_size if journal.exists() else 0
    return size, sorted(folder.iterdir()) if folder.is_dir() else []


def journal_seconds(run: Path) -> float:
    """How long the steps took, by the journal's clock."""
    last = (run / "metrics.jsonl").read_text("utf-8").splitlines()
    return max(json.loads(line)["clock"]["elapsed_s"] for line in last if "clock" in line)


def main(kills: int, seed: int) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        road = [
            malmoi("sample", str(folder / "sample")),
            malmoi("corpus", "build", str(folder / "sample" / "corpus"), "--out", str(folder / "corpus")),
            malmoi(
                "tokenizer",
                "train",
                str(folder / "corpus"),
                "--out",
                str(folder / "tok"),
                "--vocab-size",
                "2000",
            ),
            malmoi(
                "shards",
                "build",
                str(folder / "corpus"),
                str(folder / "tok"),
                "--out",
                str(folder / "shards"),
            ),
        ]
        for words in road:
            subprocess.run(words, check=True, stdout=subprocess.DEVNULL)
        train = malmoi("pretrain", str(folder / "shards"), *f"{PRETRAIN} {OFTEN} {SMALL}".split())
        begun = time.monotonic()
        subprocess.run([*train, "--out", str(folder / "whole")], check=True, stdout=subprocess.DEVNULL)
        whole = time.monotonic() - begun
        print(f"undisturbed run: {whole:.1f} s")
        rng = random.Random(seed)
        # Half the training time is spread over the kills, so that each meets an unfinished run.
        seconds_each = journal_seconds(folder / "whole") / 2 / kills
        survived = 0
        cut = folder / "cut"
        for kill in range(kills):
            before = progress(cut)
            process = subprocess.Popen([*train, "--out", str(cut)], stdout=subprocess.DEVNULL)
            while process.poll() is None and progress(cut) == before:
                time.sleep(0.002)  # the kill must meet a process that trains, not one that starts
            time.sleep(rng.uniform(0, 1.5 * seconds_each))
            ended = process.poll() is not None
            process.kill()
            process.wait()
            steps = sorted(int(p.name[5:]) for p in cut.glob("checkpoints/step-*") if p.name[5:].isdigit())
            print(f"kill {kill + 1}: checkpoints {steps}{' (had finished)' if ended else ''}")
            survived += not ended
        subprocess.run([*train, "--out", str(cut)], check=True, stdout=subprocess.DEVNULL)
        same = contents(cut) == contents(folder / "whole")
        print(f"{survived} of {kills} kills met a running process")
        verdict = "ok" if same and survived == kills else "short"
        print(f"claim kills-survived-bitwise-equal {survived if same else 0} goal {kills} {verdict}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
