"""Checkpoints: `step-N/` is written as `step-N.tmp/`, fsynced and renamed, with the SHA-256 of every file.

A flipped bit loads silently from safetensors, torch.save and torch's DCP alike, so the digests are checked
before anything is loaded, and the newest checkpoint that is whole is used.
"""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import Tensor

from malmoi.artifact.disk import disk_errors, sync_folder, sync_tree, write_json
from malmoi.artifact.finished import MANIFEST, Manifest, digest_json, read_manifest, record_file
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import expected_shape, kind_of, read_json, read_object, reason
from malmoi.paths import utf8_path
from malmoi.progress import Reporter

FOLDER = "checkpoints"
RECORD = "checkpoint.json"
_NAME = re.compile(r"step-(\d+)")


@dataclass(frozen=True)
class TrainState:
    """What going on needs besides weights and moments. `sums` are the metrics since the last line written:
    float64 scalars and histograms, which JSON holds exactly."""

    step: int
    tokens: int
    sums: dict[str, Tensor]


def save_checkpoint(
    run: Path,
    state: TrainState,
    write_model: Callable[[Path], None],
    moments: dict[str, Tensor],
    tokenizer: Path,
    *,
    keep: int,
    milestones: Collection[int] = (),
) -> Path:
    """Write `checkpoints/step-N/`, which opens in transformers, and remove the oldest beyond `keep`.

    Raises MM0015 when the disk is full; the checkpoints before are untouched.
    """
    target = run / FOLDER / f"step-{state.step}"
    draft = target.with_name(target.name + ".tmp")
    with disk_errors(target):
        shutil.rmtree(draft, ignore_errors=True)
        try:
            (draft / "state").mkdir(parents=True)
            sync_folder(run)
            write_model(draft)
            for file in sorted(tokenizer.iterdir()):
                if file.is_file() and file.name != "manifest.json":
                    shutil.copyfile(file, draft / file.name)
            (draft / "state" / "moments.safetensors").write_bytes(save(moments))
            sums = {name: value.tolist() for name, value in state.sums.items()}
            train = {"step": state.step, "tokens": state.tokens, "sums": sums}
            write_json(draft / "state" / "train.json", train)
            files = {}
            for path in sorted(p for p in draft.rglob("*") if p.is_file()):
                found = record_file(path)
                files[str(path.relative_to(draft))] = {"size": found.size, "sha256": found.sha256}
            record = {"step": state.step, "tokens": state.tokens, "files": files}
            write_json(draft / RECORD, record | {"digest": digest_json(record)})
            sync_tree(draft)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)  # a full disk gets its space back
            raise
        if target.exists():
            _remove(target)
        draft.rename(target)
        sync_folder(target.parent)
        remove_oldest(run, keep, milestones)
    return target


def remove_oldest(run: Path, keep: int, milestones: Collection[int] = ()) -> None:
    """Remove all checkpoints but the newest `keep`; those at steps in `milestones` stay and do not count."""
    passing = [path for path in newest_first(run) if _step(path) not in milestones]
    for old in passing[keep:]:
        _remove(old)


def milestone_steps(steps: int, shares: Sequence[float]) -> frozenset[int]:
    """The steps at which milestones fall, each at least 1."""
    return frozenset(max(1, round(steps * share)) for share in shares)


def recorded_milestones(manifest: Manifest | None) -> frozenset[int]:
    """The milestones of a run as its manifest has them, those from before an extension too."""
    if manifest is None:
        return frozenset()
    config = manifest.config.get("pretrain", {})
    planned = milestone_steps(config["steps"], config.get("milestones", ()))
    return planned | frozenset(int(step) for step in manifest.counts.get("milestones", ()))


def milestone_checkpoints(run: Path) -> list[Path]:
    """The checkpoints a run keeps for good and its newest one, in order of their steps."""
    manifest = read_manifest(run, "pretrain")
    with expected_shape(run / MANIFEST):
        wanted = recorded_milestones(manifest)
    found = [path for path in newest_first(run) if (path / RECORD).exists()]
    return [path for path in reversed(found) if _step(path) in wanted or path == found[0]]


def fault(checkpoint: Path) -> str | None:
    """Why a checkpoint cannot be trusted, or None: every file's size and SHA-256 are compared."""
    try:
        record = read_json(checkpoint / RECORD)
        if not isinstance(record, dict):
            return f"{RECORD}: {kind_of(record)} ≠ {kind_of({})}"
        digest = record.pop("digest", None)  # of the record itself; the first runs wrote none
        if set(record) != {"step", "tokens", "files"} or digest not in (None, digest_json(record)):
            return f"{RECORD}: SHA-256"
        for name, wanted in record["files"].items():
            path = checkpoint / name
            if not path.is_file():
                return f"{name}: missing"
            if path.stat().st_size != wanted["size"]:
                return f"{name}: {path.stat().st_size} B ≠ {wanted['size']} B"
            with path.open("rb") as stream:
                if hashlib.file_digest(stream, "sha256").hexdigest() != wanted["sha256"]:
                    return f"{name}: SHA-256"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{RECORD}: {reason(error)}"
    return None


def find_checkpoint(run: Path, reporter: Reporter) -> Path | None:
    """The newest whole checkpoint of a run, or None where there is none at all.

    A damaged one is announced (MM0502) and, once a whole one is found, set aside as `step-N.damaged`;
    leftovers of a cut save are removed. Raises MM0503 where checkpoints exist and all are damaged.
    """
    folder = run / FOLDER
    if not folder.is_dir():
        return None
    for leftover in folder.iterdir():
        if re.fullmatch(r"step-\d+\.(tmp|old)", leftover.name):
            shutil.rmtree(leftover)
    damaged: list[Path] = []
    for checkpoint in newest_first(run):
        reason = fault(checkpoint)
        if reason is None:
            for other in damaged:
                aside = other.with_name(other.name + ".damaged")
                shutil.rmtree(aside, ignore_errors=True)
                other.rename(aside)
            return checkpoint
        reporter.warn(Code.CHECKPOINT_DAMAGED, str(checkpoint), reason=reason)
        damaged.append(checkpoint)
    if damaged:  # left where they are: the same command must not start from nothing
        raise MalmoiError(Code.ALL_CHECKPOINTS_DAMAGED, folder)
    return None


def newest_checkpoint(run: Path) -> Path:
    """The newest checkpoint of a run folder, live or finished. Raises MM0504 where there is none."""
    found = [c for c in newest_first(run) if (c / RECORD).exists()]
    if not found:
        raise MalmoiError(Code.NO_CHECKPOINT, run)
    return found[0]


def read_state(checkpoint: Path) -> TrainState:
    """The training state of a checkpoint that `find_checkpoint` has approved."""
    file = checkpoint / "state" / "train.json"
    saved = read_object(file)
    with expected_shape(file):
        sums = {name: torch.tensor(value, dtype=torch.float64) for name, value in saved["sums"].items()}
        return TrainState(int(saved["step"]), int(saved["tokens"]), sums)


def read_moments(checkpoint: Path) -> dict[str, Tensor]:
    """The optimizer's tensors of such a checkpoint."""
    moments = checkpoint / "state" / "moments.safetensors"
    with utf8_path(moments) as name, safe_open(name, framework="pt") as file:
        return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def _step(checkpoint: Path) -> int:
    return int(checkpoint.name.removeprefix("step-"))


def newest_first(run: Path) -> list[Path]:
    """All checkpoints of a run, whole or not."""
    folder = run / FOLDER
    found = [
        (int(m[1]), p)
        for p in (folder.iterdir() if folder.is_dir() else [])
        if (m := _NAME.fullmatch(p.name))
    ]
    return [path for _, path in sorted(found, reverse=True)]


def _remove(checkpoint: Path) -> None:
    """Rename first: a kill in the middle of removing must not leave half a checkpoint under its name."""
    old = checkpoint.with_name(checkpoint.name + ".old")
    shutil.rmtree(old, ignore_errors=True)
    checkpoint.rename(old)
    shutil.rmtree(old)
