"""Checkpoints by themselves: what is written, which stay, what is found, and how damage is told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from malmoi.artifact.disk import write_json
from malmoi.artifact.finished import Manifest, digest_json
from malmoi.errors import MalmoiError
from malmoi.pretrain.checkpoint import (
    TrainState,
    fault,
    find_checkpoint,
    milestone_checkpoints,
    milestone_steps,
    newest_checkpoint,
    newest_first,
    read_moments,
    read_state,
    recorded_milestones,
    remove_oldest,
    save_checkpoint,
)
from tests.tiny.heard import Heard

Save = Callable[..., Path]


@pytest.fixture
def save(tmp_path: Path) -> Save:
    """Save a checkpoint of `step` with two moments, a model of one file and a tokenizer of two."""
    tokenizer = tmp_path / "tokenizer"
    (tokenizer / "more").mkdir(parents=True)
    for name in ("vocab.txt", "malmoi.json", "manifest.json"):
        (tokenizer / name).write_text(name, "utf-8")

    def write(folder: Path) -> None:
        (folder / "model.safetensors").write_bytes(b"weights")

    def do(step: int, keep: int = 9, milestones: tuple[int, ...] = (), model: object = write) -> Path:
        state = TrainState(step, 100 * step, {"loss": torch.tensor(1 / 3, dtype=torch.float64)})
        moments = {"exp_avg.a": torch.arange(3.0) + step}
        run = tmp_path / "run"
        return save_checkpoint(run, state, model, moments, tokenizer, keep=keep, milestones=milestones)  # type: ignore[arg-type]

    return do


def names(run: Path) -> list[str]:
    return sorted(path.name for path in (run / "checkpoints").iterdir())


def test_what_is_written_comes_back(save: Save, tmp_path: Path) -> None:
    folder = save(7)
    assert folder == tmp_path / "run" / "checkpoints" / "step-7"
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    own = {"model.safetensors", "vocab.txt", "malmoi.json", "state/moments.safetensors", "state/train.json"}
    assert files == own | {"checkpoint.json"}
    state = read_state(folder)
    assert (state.step, state.tokens, state.sums["loss"].item()) == (7, 700, 1 / 3)
    assert state.sums["loss"].dtype == torch.float64
    assert {name: tensor.tolist() for name, tensor in read_moments(folder).items()} == {
        "exp_avg.a": [7, 8, 9]
    }
    record = json.loads((folder / "checkpoint.json").read_text("utf-8"))
    assert (record["step"], record["tokens"], set(record["files"])) == (7, 700, own)
    assert record["files"]["vocab.txt"] == {"size": 9, "sha256": hashlib.sha256(b"vocab.txt").hexdigest()}
    assert record.pop("digest") == digest_json(record)
    assert fault(folder) is None


def test_the_oldest_go_and_milestones_stay_and_do_not_count(save: Save, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for step in (2, 4, 9, 10, 11):
        save(step, keep=2, milestones=(4,))
    assert names(run) == ["step-10", "step-11", "step-4"]  # 9 is older than 10, whatever the letters say
    assert [path.name for path in newest_first(run)] == ["step-11", "step-10", "step-4"]
    assert newest_checkpoint(run).name == "step-11"
    remove_oldest(run, 1)
    assert names(run) == ["step-11"]
    save(11, keep=2)
    assert names(run) == ["step-11"] and fault(newest_checkpoint(run)) is None
    assert newest_first(tmp_path / "nowhere") == []


def test_a_save_that_fails_leaves_nothing_and_touches_nothing(save: Save, tmp_path: Path) -> None:
    save(1)

    def fails(folder: Path) -> None:
        (folder / "half").write_bytes(b"half")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        save(2, keep=1, model=fails)
    assert names(tmp_path / "run") == ["step-1"]


def test_no_checkpoint_at_all(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match="MM0504"):
        newest_checkpoint(tmp_path)
    assert find_checkpoint(tmp_path, Heard()) is None
    (tmp_path / "checkpoints" / "step-3.tmp").mkdir(parents=True)
    assert find_checkpoint(tmp_path, Heard()) is None
    assert names(tmp_path) == []
    (tmp_path / "checkpoints" / "step-3").mkdir()
    with pytest.raises(MalmoiError, match="MM0504"):  # a folder without a record is none
        newest_checkpoint(tmp_path)


def test_how_damage_is_told(save: Save) -> None:
    """The first file in the record's order that is not as it was written."""
    for number, (name, change, told) in enumerate(
        [
            ("vocab.txt", b"vocab.tx!", "vocab.txt: SHA-256"),
            ("vocab.txt", b"vocab", "vocab.txt: 5 B ≠ 9 B"),
            ("state/train.json", None, "state/train.json: missing"),
            ("checkpoint.json", b"{}", "checkpoint.json: SHA-256"),
            ("checkpoint.json", b"[]", "checkpoint.json: "),
            ("checkpoint.json", None, "checkpoint.json: "),
        ],
        1,
    ):
        folder = save(number)
        if change is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(change)
        found = fault(folder)
        assert found is not None and found.startswith(told), name


@pytest.mark.parametrize("digest", [True, False])
def test_a_changed_record_is_damage_and_one_without_a_digest_is_not(digest: bool, save: Save) -> None:
    folder = save(1)
    record = json.loads((folder / "checkpoint.json").read_text("utf-8"))
    if digest:
        record["tokens"] += 1
    else:
        del record["digest"]
    write_json(folder / "checkpoint.json", record)
    assert fault(folder) == ("checkpoint.json: SHA-256" if digest else None)
    write_json(folder / "checkpoint.json", record | {"more": 1})
    assert fault(folder) == "checkpoint.json: SHA-256"


def test_the_newest_whole_one_is_found_and_damaged_ones_stand_aside(save: Save, tmp_path: Path) -> None:
    run = tmp_path / "run"
    for step in (1, 2, 3, 4):
        save(step)
    for step in (3, 4):
        (run / "checkpoints" / f"step-{step}" / "vocab.txt").write_bytes(b"?")
    for leftover in ("step-5.tmp", "step-0.old", "step-4.damaged", "notes.old"):
        (run / "checkpoints" / leftover).mkdir()
    heard = Heard()
    assert find_checkpoint(run, heard) == run / "checkpoints" / "step-2"
    assert [Path(str(place)).name for place in heard.places] == ["step-4", "step-3"]
    assert heard.warned == [("MM0502", {"reason": "vocab.txt: 1 B ≠ 9 B"})] * 2
    assert names(run) == ["notes.old", "step-1", "step-2", "step-3.damaged", "step-4.damaged"]
    assert (run / "checkpoints" / "step-4.damaged" / "vocab.txt").exists()
    for step in (1, 2):
        (run / "checkpoints" / f"step-{step}" / "vocab.txt").unlink()
    with pytest.raises(MalmoiError, match="MM0503"):
        find_checkpoint(run, Heard())
    assert {"step-1", "step-2"} <= set(names(run))


def test_milestones(save: Save, tmp_path: Path) -> None:
    assert milestone_steps(10, (0.01, 0.25, 0.5, 1.0)) == {1, 2, 5, 10}
    assert milestone_steps(3, ()) == set() and recorded_milestones(None) == set()
    run = tmp_path / "run"
    for step in (1, 2, 3, 4, 6, 8):
        save(step)
    manifest = Manifest(
        stage="pretrain",
        state="running",
        key="k",
        config={"pretrain": {"steps": 8, "milestones": [0.25, 0.5]}},
        counts={"milestones": [3, 7]},
    )
    assert recorded_milestones(manifest) == {2, 3, 4, 7}
    write_json(run / "manifest.json", manifest.model_dump())
    assert [path.name for path in milestone_checkpoints(run)] == ["step-2", "step-3", "step-4", "step-8"]
    (run / "checkpoints" / "step-8" / "checkpoint.json").unlink()
    assert [path.name for path in milestone_checkpoints(run)] == ["step-2", "step-3", "step-4", "step-6"]
