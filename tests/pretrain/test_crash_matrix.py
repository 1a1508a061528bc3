"""Killed at every file event of a save and started again: bitwise the undisturbed run."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from malmoi.pretrain.checkpoint import fault, newest_checkpoint
from malmoi.pretrain.objectives import OBJECTIVES
from tests.tiny.runs import MODEL, train, training

from .matrix import Job, reached

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(sys.platform == "win32", reason="needs fork")
@pytest.mark.parametrize("objective", sorted(OBJECTIVES))
def test_killed_at_every_file_event_of_a_save(objective: str, shards: Path, tmp_path: Path) -> None:
    """The third step of a run: it is resumed from step-2, saves step-3 and removes step-1."""
    settings = {"objective": objective, "checkpoint_every": 1, "log_every": 1, "heldout_every": 9}
    train(shards, tmp_path / "base", steps=2, **settings)
    assert reached(tmp_path / "base") == 2
    job = Job(
        pretrain=training(steps=3, **settings),
        model=MODEL,
        shards=shards,
        base=tmp_path / "base",
        scratch=tmp_path,
        kinds=["power", "torn"],  # power: also where nothing is unsynced, and then the same as kill
        every=1 if objective == "mlm" else 5,  # all save by the same code; a point takes 0.13 s
    )
    (tmp_path / "job.json").write_text(job.model_dump_json())
    words = [sys.executable, "-m", "tests.pretrain.matrix", str(tmp_path / "job.json")]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["failures"] == []
    # A save writes seven files and a record, syncs each and the folders, and removes the oldest checkpoint.
    assert found["events"]["write"] >= 9 and found["events"]["fsync"] >= 12 and found["events"]["unlink"] >= 8
    assert found["points"] > (90 if job.every == 1 else 18) and found["states"] > 12


def test_no_flipped_bit_of_a_checkpoint_goes_unseen(shards: Path, tmp_path: Path) -> None:
    """Every byte of the record that vouches for the others, and the first and last of every other file."""
    checkpoint = newest_checkpoint(train(shards, tmp_path / "run", steps=1, heldout_every=9))
    assert fault(checkpoint) is None
    for file in sorted(p for p in checkpoint.rglob("*") if p.is_file()):
        whole = file.read_bytes()
        places = range(len(whole)) if file.name == "checkpoint.json" else (0, len(whole) - 1)
        for place in places:
            damaged = bytearray(whole)
            damaged[place] ^= 1 << place % 8
            file.write_bytes(damaged)
            assert fault(checkpoint), (file.name, place)
        file.write_bytes(whole)
    assert fault(checkpoint) is None
