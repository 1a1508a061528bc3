"""The programme for a few minutes of a GPU, rehearsed on a CPU as the bare machine would run it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, ElectraForMaskedLM, ElectraForPreTraining

from malmoi.cli.main import run
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.checkpoint import fault, newest_checkpoint
from tests.tiny.labelled import write_table
from tests.tiny.runs import train
from tests.tiny.texts import LINES, WHO

sys.path.append(str(Path(__file__).resolve().parents[2] / "benchmarks"))
from against.minutes import Minutes
from against.pieces import join, split
from against.real import Job

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# A machine for training has none of these.
MISSING = ["polars", "zstandard", "kiwipiepy", "tokie", "platformdirs", "rich", "typer"]
BLOCKER = f"""
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {MISSING}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Missing())
"""


def test_pieces_joined_are_the_checkpoint_in_bf16(shards: Path, tmp_path: Path) -> None:
    shape = ModelConfig(hidden=64, embedding=32, layers=2, generator_width=0.5, max_positions=32)
    checkpoint = newest_checkpoint(train(shards, tmp_path / "run", shape, objective="electra", steps=1))
    (tmp_path / "pieces").mkdir()
    pieces = split(checkpoint, tmp_path / "pieces", limit=20_000)
    assert len(pieces) > 5 and all(path.stat().st_size < 25_000 for path in pieces), "tensors are cut too"
    join(tmp_path / "pieces", tmp_path / "joined")
    files = {str(p.relative_to(checkpoint)) for p in checkpoint.rglob("*") if p.is_file()}
    sent = {name for name in files if not name.startswith(("state/", "checkpoint.json"))}
    joined = {
        str(p.relative_to(tmp_path / "joined")) for p in (tmp_path / "joined").rglob("*") if p.is_file()
    }
    assert joined == sent and "generator/model.safetensors" in sent and "vocab.txt" in sent
    for name in sent:
        here, there = checkpoint / name, tmp_path / "joined" / name
        if name.endswith(".safetensors"):
            wanted = {key: value.bfloat16().float() for key, value in load_file(here).items()}
            found = load_file(there)
            assert wanted.keys() == found.keys()
            assert all(torch.equal(wanted[key], found[key]) for key in wanted)
        else:
            assert here.read_bytes() == there.read_bytes()


def test_a_section_that_fails_is_told_and_the_next_begins(capsys: pytest.CaptureFixture[str]) -> None:
    minutes = Minutes(5)
    with minutes.section("first"):
        raise ZeroDivisionError("by\nnothing")
    with minutes.section("second"):
        print("here")
    out = capsys.readouterr().out
    assert "section first FAILED ZeroDivisionError: by | nothing\n\n== second, 300 s left\nhere\n" in out
    assert Minutes(0).left == 0.0


def test_a_run_whose_time_is_over_leaves_what_it_has(shards: Path, tmp_path: Path) -> None:
    sizes = {"layers": 1, "hidden": 32, "embedding": 32, "generator_width": 0.5, "max_positions": 128}
    job = Job(shards=shards, work=tmp_path, seconds=1e5, device="cpu", rows=4, trial=4, sizes=sizes)
    words = [sys.executable, "-m", "against.real", job.model_dump_json()]
    with subprocess.Popen(words, cwd=BENCHMARKS, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        told = next(line for line in process.stdout if "planned" in line)
        assert int(told.split()[1].replace(",", "")) > 1_000, "as many steps as the time allows"
        while not (tmp_path / "run" / "metrics.jsonl").exists():
            time.sleep(0.02)
        process.terminate()
        assert "stopped by the clock" in process.stdout.read()
    assert process.returncode == 143
    saved = newest_checkpoint(tmp_path / "run")
    assert fault(saved) is None and saved.name != "step-0"


@pytest.mark.slow
def test_the_whole_programme_without_what_the_machine_lacks(shards: Path, tmp_path: Path) -> None:
    """Eight processes, every section; then the checkpoint that comes back is put together and fine-tuned."""
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(BLOCKER, "utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(tmp_path / "bare"), *sys.path])}
    words = [sys.executable, str(BENCHMARKS / "gpu.py")]
    blocked = subprocess.run(
        [sys.executable, "-c", "import typer"], env=environment, capture_output=True, text=True
    )
    assert "No module named 'typer'" in blocked.stderr
    out = tmp_path / "out"
    done = subprocess.run(
        [*words, "--rehearse", "--shards", str(shards), "--out", str(out)],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert re.findall(r"^check (\w+) (ok|FAILED)", done.stdout, re.MULTILINE) == [
        ("varlen", "ok"),
        ("precision", "ok"),
        ("resume", "ok"),
        ("compiled", "ok"),
    ]
    assert "FAILED" not in done.stdout and re.findall(r"rehearsed: (\w+)", done.stdout) == [
        "base",
        "electra",
        "17m",
    ]
    assert done.stdout.count(" not-measured") == 3, "tiny doubles prove no claim"
    files = list(out.iterdir())
    assert len(files) <= 8 and all(path.stat().st_size < 16_000_000 for path in files)
    assert (out / "metrics.jsonl").exists()

    joined = tmp_path / "joined"
    subprocess.run([*words, "join", str(out), str(joined)], env=environment, check=True)
    assert AutoTokenizer.from_pretrained(joined).mask_token == "[MASK]"
    assert ElectraForPreTraining.from_pretrained(joined).config.hidden_size == 64
    assert ElectraForMaskedLM.from_pretrained(joined / "generator").config.hidden_size == 32
    who = [name for name in WHO for _ in range(len(LINES) // len(WHO))]
    write_table(tmp_path / "train.csv", "글,누구", [*zip(LINES, who, strict=True)][::6])
    task = ["--train", str(tmp_path / "train.csv"), "--text", "글", "--label", "누구"]
    short = ["--set", "finetune.epochs=1", "--set", "finetune.threads=1", "--set", "finetune.device=cpu"]
    assert run(["finetune", str(joined), *task, *short, "--out", str(tmp_path / "tuned"), "--quiet"]) == 0
