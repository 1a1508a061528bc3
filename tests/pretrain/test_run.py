"""Training: resumed is bitwise the same as undisturbed, whatever cut it; every fault has its clear error."""

from __future__ import annotations

import json
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from malmoi.artifact.disk import locked
from malmoi.artifact.finished import read_manifest
from malmoi.config import Section
from malmoi.errors import MalmoiError
from malmoi.model.hf.folder import read_masked_lm
from malmoi.pretrain.checkpoint import find_checkpoint, newest_checkpoint
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.run import pretrain
from malmoi.progress import SILENT
from malmoi.shards.format import Shards
from tests.tiny.batches import batch_of
from tests.tiny.heard import Heard
from tests.tiny.runs import MODEL, TRAINING, contents, train, training

SCRIPT = """
import sys
from pathlib import Path
from malmoi.errors import Interrupted
from malmoi.messages import set_language
from malmoi.pretrain.run import pretrain
from malmoi.pretrain.config import PretrainConfig
from malmoi.model.sizes import ModelConfig
set_language("en")
config = PretrainConfig.model_validate_json(sys.argv[1])
try:
    pretrain(config, ModelConfig.model_validate_json(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4]))
except Interrupted as stop:
    sys.exit(stop.exit_code)
"""

# Counts the functions that training calls, of Python and of C, and dies of one of them: a moment that no
# clock chooses, in a step or in a save, and before the end on the fastest machine.
FATAL = """
import os
import signal
import sys
from malmoi.pretrain.loop import Trainer
from tests.tiny.batches import batch_of
left = int(sys.argv.pop())
def count(*_):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)
def train(self, journal, whole=Trainer.train):
    sys.setprofile(count)
    whole(self, journal)
Trainer.train = train
"""


def start(config: Section, shards: Path, out: Path, **options: object) -> subprocess.Popen[str]:
    words = [
        sys.executable,
        "-c",
        SCRIPT,
        config.model_dump_json(),
        MODEL.model_dump_json(),
        str(shards),
        str(out),
    ]
    return subprocess.Popen(words, stderr=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return]


def die_training(config: Section, shape: Section, shards: Path, out: Path, calls: int) -> None:
    """Start or go on, and be killed at the `calls`-th call of a function while training."""
    words = [config.model_dump_json(), shape.model_dump_json(), str(shards), str(out), str(calls)]
    done = subprocess.run([sys.executable, "-c", FATAL + SCRIPT, *words], check=False)
    assert done.returncode == -signal.SIGKILL


def test_it_learns_more_than_word_frequencies(shards: Path, tmp_path: Path) -> None:
    """Half a nat below the unigram entropy of the text: a model that attends to nothing cannot get there."""
    longer = training(steps=500, heldout_every=500, checkpoint_every=500)
    manifest = pretrain(longer, MODEL.model_copy(update={"dropout": 0.0}), shards, tmp_path / "run")
    shares = np.bincount(Shards.open(shards).train[0].ids) / len(Shards.open(shards).train[0].ids)
    entropy = -(shares[shares > 0] * np.log(shares[shares > 0])).sum()
    assert manifest.counts["heldout_loss"] < entropy - 0.5


def test_more_steps_extend_a_finished_run(undisturbed: Path, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    manifest = read_manifest(train(shards, tmp_path / "run", steps=15))
    assert manifest.counts["step"] == 15 and manifest.state == "finished"
    assert [e["step"] for e in read_journal(tmp_path / "run") if "loss" in e] == [3, 6, 9, 12, 15]


def test_a_finished_run_is_left_alone(undisturbed: Path, shards: Path) -> None:
    before = (undisturbed / "metrics.jsonl").stat().st_mtime_ns
    manifest = read_manifest(train(shards, undisturbed))
    assert manifest.state == "finished" and manifest.counts["step"] == 12
    assert (undisturbed / "metrics.jsonl").stat().st_mtime_ns == before


def test_rotation_keeps_the_newest(undisturbed: Path) -> None:
    assert {p.name for p in (undisturbed / "checkpoints").iterdir()} == {"step-8", "step-12"}
    assert newest_checkpoint(undisturbed).name == "step-12"


def test_killed_at_random_moments_ends_bitwise_equal(undisturbed: Path, shards: Path, tmp_path: Path) -> None:
    """SIGKILL anywhere: before the first checkpoint, in a step, in a save. (Long form in benchmarks.)

    The whole run is some 165,000 calls, its last four steps and their save 72,000.
    """
    out, rng = tmp_path / "run", random.Random(5)
    for calls in (2_000, 100_000, *(rng.randrange(1, 50_000) for _ in range(3))):
        die_training(TRAINING, MODEL, shards, out, calls)
    assert (out / "checkpoints" / "step-4").exists()
    train(shards, out)
    assert contents(out) == contents(undisturbed)


def test_a_kill_before_the_first_manifest_does_not_lock_the_folder(shards: Path, tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "manifest.json.tmp").write_text("{")
    assert read_manifest(train(shards, tmp_path / "run", steps=1)).state == "finished"


def test_one_process_at_a_time(shards: Path, tmp_path: Path) -> None:
    with locked(tmp_path / "run"), pytest.raises(MalmoiError, match="MM0006"):
        train(shards, tmp_path / "run")


def test_a_finished_run_whose_checkpoint_is_gone_is_made_whole(
    undisturbed: Path, shards: Path, tmp_path: Path
) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    shutil.rmtree(tmp_path / "run" / "checkpoints" / "step-12")
    train(shards, tmp_path / "run")
    assert contents(tmp_path / "run") == contents(undisturbed)


def test_a_run_is_not_resumed_in_another_precision(undisturbed: Path, shards: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    manifest = json.loads((tmp_path / "run" / "manifest.json").read_text())
    manifest["counts"]["precision"] = "bfloat16"
    (tmp_path / "run" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(MalmoiError, match=r"MM0505.*precision \(bfloat16"):
        train(shards, tmp_path / "run", steps=20)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_saves_and_the_same_command_goes_on(
    undisturbed: Path, shards: Path, tmp_path: Path, number: int, code: int
) -> None:
    out = tmp_path / "run"
    long = training(steps=100_000, checkpoint_every=100_000, schedule="constant", warmup=0.0)
    process = start(long, shards, out)
    while not read_journal(out):
        time.sleep(0.02)
    os.kill(process.pid, number)
    assert process.wait(600) == code
    saved = int(newest_checkpoint(out).name.removeprefix("step-"))
    assert saved >= 3 and json.loads((out / "manifest.json").read_text())["state"] == "running"
    whole, parts = tmp_path / "whole", out
    ending = long.model_copy(update={"steps": saved + 5})
    pretrain(ending, MODEL, shards, parts)
    pretrain(ending, MODEL, shards, whole)
    name = f"checkpoints/step-{saved + 5}/model.safetensors"
    assert (parts / name).read_bytes() == (whole / name).read_bytes()


def test_a_flipped_bit_is_found_announced_and_the_one_before_used(
    undisturbed: Path, shards: Path, tmp_path: Path
) -> None:
    files = sorted(p for p in (undisturbed / "checkpoints" / "step-12").rglob("*") if p.is_file())
    assert len(files) >= 7
    for i, file in enumerate(files):
        out = tmp_path / f"run-{i}"
        shutil.copytree(undisturbed, out)
        victim = out / file.relative_to(undisturbed)
        data = bytearray(victim.read_bytes())
        data[len(data) // 2] ^= 1 << (i % 8)
        victim.write_bytes(data)
        heard = Heard()
        found = find_checkpoint(out, heard)
        assert found is not None and found.name == "step-8", file.name
        assert heard.codes == ["MM0502"]
        assert (out / "checkpoints" / "step-12.damaged").is_dir()
    manifest = json.loads((out / "manifest.json").read_text())
    (out / "manifest.json").write_text(json.dumps(manifest | {"state": "running"}))
    train(shards, out)
    shutil.rmtree(out / "checkpoints" / "step-12.damaged")
    assert contents(out) == contents(undisturbed)


def test_truncated_and_emptied_checkpoints_are_found(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    weights = tmp_path / "run" / "checkpoints" / "step-12" / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    (tmp_path / "run" / "checkpoints" / "step-8" / "checkpoint.json").write_text("")
    for _ in range(2):  # the second try must not start from nothing either
        with pytest.raises(MalmoiError, match=r"MM0503.*every checkpoint is damaged"):
            find_checkpoint(tmp_path / "run", Heard())


def test_a_checkpoint_of_another_shape_and_another_run(
    undisturbed: Path, shards: Path, tmp_path: Path
) -> None:
    with pytest.raises(MalmoiError, match=r"MM0505.*model.hidden"):
        train(shards, undisturbed, MODEL.model_copy(update={"hidden": 64}))
    with pytest.raises(MalmoiError, match=r"MM0505.*pretrain.lr, pretrain.mask_rate"):
        train(shards, undisturbed, lr=1.0, mask_rate=0.3)
    out = tmp_path / "run"
    wide = MODEL.model_copy(update={"ffn": 64})
    train(shards, out, wide, steps=4)
    shutil.rmtree(out / "checkpoints")
    shutil.copytree(undisturbed / "checkpoints", out / "checkpoints")
    with pytest.raises(MalmoiError, match=r"MM0507.*the checkpoint's ffn is 128, and the recipe asks for 64"):
        train(shards, out, wide, steps=20)


def test_a_run_of_a_version_without_a_setting_says_which(
    undisturbed: Path, shards: Path, tmp_path: Path
) -> None:
    """Not its shards, which are the same."""
    shutil.copytree(undisturbed, tmp_path / "run")
    manifest = read_manifest(tmp_path / "run")
    del manifest.config["pretrain"]["clip"]
    manifest.key = "of other settings"
    (tmp_path / "run" / "manifest.json").write_text(manifest.model_dump_json(), "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0505.*differs in: pretrain\.clip\n"):
        train(shards, tmp_path / "run")


def test_non_finite_loss_stops_before_the_update_and_names_the_rows(
    undisturbed: Path, shards: Path, tmp_path: Path
) -> None:
    """A rate of 1e30 overflows by itself; the weights on disk are the last finite ones."""
    wild = training(lr=1e30, warmup=0.0, checkpoint_every=1000)
    with pytest.raises(MalmoiError) as caught:
        pretrain(wild, MODEL, shards, tmp_path / "run")
    error = caught.value
    assert error.code == "MM0509" and "stopped before the weights changed" in error.what
    step = int(error.values["step"])
    assert newest_checkpoint(tmp_path / "run").name == f"step-{step - 1}"
    rows = [int(r) for r in str(error.values["rows"]).removesuffix(" …").split(", ")]
    assert all((step - 1) * 8 <= row < step * 8 for row in rows)
    assert "part-00000[" in error.why


def test_a_full_disk_keeps_the_checkpoints_before(undisturbed: Path, shards: Path, tmp_path: Path) -> None:
    """A real limit on file size, below what the weights need, set while the run goes on."""
    out = tmp_path / "run"
    shutil.copytree(undisturbed, out)
    limit = (out / "checkpoints" / "step-12" / "state" / "moments.safetensors").stat().st_size - 1
    longer = training(steps=20)
    process = start(
        longer, shards, out, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    )
    _, told = process.communicate()
    assert (
        process.returncode == 1
        and "MM0015 " in told
        and "Finished artifacts and checkpoints are untouched" in told
    )
    found = find_checkpoint(out, SILENT)
    assert found is not None and found.name == "step-12"
    assert sorted(p.name for p in (out / "checkpoints").iterdir()) == ["step-12", "step-8"]


def test_too_long_rows_and_too_small_a_disk(shards: Path, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match=r"MM0510.*rows of 64 tokens are longer than the 32"):
        train(shards, tmp_path / "a", row_len=64)
    with pytest.raises(MalmoiError, match=r"MM0506.*checkpoints need [\d,]+ MB"):
        train(shards, tmp_path / "b", keep=10**9)


def test_checkpoints_open_in_transformers_and_predict_the_same(undisturbed: Path, shards: Path) -> None:
    transformers = pytest.importorskip("transformers")

    folder = newest_checkpoint(undisturbed)
    theirs = transformers.AutoModelForMaskedLM.from_pretrained(folder).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    ids = tokenizer("할머니는 아침마다 [MASK] 빵을 굽는다.", return_tensors="pt")["input_ids"]
    ours = read_masked_lm(folder).eval()
    batch = batch_of([[ids[0].tolist()]], 32)
    with torch.no_grad():
        logits = ours(batch, torch.arange(ids.shape[1]))
        expected = theirs(input_ids=ids).logits[0]
    np.testing.assert_allclose(logits.numpy(), expected.numpy(), atol=1e-5)
