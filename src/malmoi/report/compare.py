"""Two pretraining runs side by side: settings, data, tools, curves and batches."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import BaseModel

from malmoi.artifact.finished import MANIFEST, Manifest, read_manifest
from malmoi.codes import Code
from malmoi.config import dotted, settings_class
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.pretrain.config import RunConfig
from malmoi.progress import SILENT, Reporter
from malmoi.report.batches import Batches, compare_batches
from malmoi.report.folder import PretrainRun, pretrain_runs, read_run
from malmoi.report.origin import origin_of, shown
from malmoi.report.source import find_shards
from malmoi.shards.format import Shards

AT_A_STEP = ("lr", "grad_norm")
"""What a line of the journal says about its own step; the rest are means since the line before."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that is not the same, with where each value came from."""

    key: str
    left: str
    right: str
    left_origin: str = ""
    right_origin: str = ""


@dataclass(frozen=True, slots=True)
class CurveDifference:
    """The first step at which a logged number is not the same bit for bit."""

    step: int
    name: str
    left: float
    right: float


@dataclass(frozen=True, slots=True)
class RunComparison:
    """`identity` settings change a result, `execution` settings should not; `logged` lines were compared."""

    left: PretrainRun
    right: PretrainRun
    identity: list[Difference]
    execution: list[Difference]
    data: list[Difference]
    versions: list[Difference]
    curve: CurveDifference | None
    logged: int
    batches: Batches

    @property
    def same(self) -> bool:
        """Whether everything that determines the result is the same, and everything that both logged."""
        return not (self.identity or self.data or self.curve or self.batches.first)


def compare(left: Path, right: Path, reporter: Reporter = SILENT) -> RunComparison:
    """Compare two pretraining runs, or the runs inside two folders of `malmoi run`.

    Raises MM1003 (several runs in a folder), MM1004 (none), MM1002 (a damaged file).
    """
    a, b = find_run(as_stored(left)), find_run(as_stored(right))
    curve, logged = compare_curves(a, b)
    settings = _settings(a, b)
    executed = execution_keys(RunConfig)
    return RunComparison(
        left=a,
        right=b,
        identity=[found for found in settings if found.key not in executed],
        execution=[found for found in settings if found.key in executed],
        data=_data(a, b),
        versions=_differences(a.manifest.versions, b.manifest.versions),
        curve=curve,
        logged=logged,
        batches=compare_batches(a, b, reporter),
    )


def find_run(folder: Path) -> PretrainRun:
    """The pretraining run that a folder is or contains, named as the folder was given."""
    if (folder / MANIFEST).is_file():
        if read_manifest(folder).stage != "pretrain":
            raise MalmoiError(Code.NO_RUN, folder)
        return replace(read_run(folder, folder.name), name=str(folder))
    runs = pretrain_runs(folder)
    if not runs:
        raise MalmoiError(Code.NO_RUN, folder)
    if len(runs) > 1:
        names = ", ".join(run.name for run in runs)
        raise MalmoiError(Code.SEVERAL_RUNS, folder, names=names, first=runs[0].folder)
    return replace(runs[0], name=str(folder))


def execution_keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    """Dotted names of the settings that stay out of a run's key."""
    found: set[str] = set()
    for name, field in model.model_fields.items():
        extra = field.json_schema_extra
        if (inner := settings_class(field)) is not None:
            found |= execution_keys(inner, f"{prefix}{name}.")
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= execution_keys(field.annotation, f"{prefix}{name}.")
        elif isinstance(extra, dict) and extra.get("execution"):
            found.add(prefix + name)
    return found


def _settings(a: PretrainRun, b: PretrainRun) -> list[Difference]:
    left, right = dict(dotted(a.manifest.config)), dict(dotted(b.manifest.config))
    return [
        Difference(found.key, found.left, found.right, _origin(a, found.key), _origin(b, found.key))
        for found in _differences(left, right)
    ]


def _origin(run: PretrainRun, key: str) -> str:
    return origin_of(key, run.manifest.origins, f"runs.{run.folder.name}.{key}")


def _differences(left: dict[str, Any], right: dict[str, Any]) -> list[Difference]:
    """The differences of two tables, in the order of the left one; a key that one lacks shows as a dash."""
    keys = list(dict.fromkeys([*left, *right]))
    return [
        Difference(key, shown(left.get(key)), shown(right.get(key)))
        for key in keys
        if left.get(key) != right.get(key)
    ]


def _data(a: PretrainRun, b: PretrainRun) -> list[Difference]:
    """What differs in the shards two runs read, and why, if anything does.

    If shards are gone, the runs' keys (settings and the digest of the shards) show whether they differ, but
    not how.
    """
    left, right = find_shards(a), find_shards(b)
    if left is None or right is None:
        same = a.manifest.key == b.manifest.key
        return [] if same else [Difference("key", a.manifest.key[:16], b.manifest.key[:16])]
    return [] if left.digest == right.digest else _differences(_data_of(left), _data_of(right))


def _data_of(shards: Shards) -> dict[str, Any]:
    """Digests and counts, and the settings and files of corpus and tokenizer if they are beside the
    shards."""
    found: dict[str, Any] = {
        "shards": shards.digest[:16],
        "tokenizer": shards.tokenizer_digest[:16],
        "vocab_size": shards.vocab_size,
    }
    for side in ("train", "heldout"):
        sums = getattr(shards.counts, side).as_json()
        found |= {f"{side} {name}": value for name, value in sums.items()}
    for stage in ("corpus", "tokenizer"):
        manifest = _near(shards.folder, stage)
        if manifest is not None:
            found |= {key: shown(value) for key, value in dotted(manifest.config, f"{stage}.")}
            found |= {path: record.sha256[:16] for path, record in manifest.inputs.items()}
    return found


def _near(shards: Path, stage: str) -> Manifest | None:
    """An artifact beside the shards, as `malmoi run` lays them out: `shards`, or `shards/NAME` if there are
    several."""
    home = shards.resolve()
    places = [home.parent / stage]
    if home.parent.name == "shards":
        places += [home.parents[1] / stage / home.name, home.parents[1] / stage]
    for place in places:
        try:
            return read_manifest(place, stage)
        except MalmoiError:
            continue
    return None


def compare_curves(a: PretrainRun, b: PretrainRun) -> tuple[CurveDifference | None, int]:
    """The first difference of what both logged at the same steps, and how many numbers were compared.

    Bit for bit: the clock left out, a journal is the same whenever a run is repeated on the same machine.
    Training losses are means since the line before, so they can be compared only if `log_every` is the same.
    """
    first: CurveDifference | None = None
    logged = 0
    alike = a.setting("log_every") == b.setting("log_every")
    for name, left in a.curves.series.items():
        right = b.curves.series.get(name)
        if (
            right is None
            or name.startswith("clock.")
            or not (alike or name in AT_A_STEP or "heldout" in name)
        ):
            continue
        steps, mine, theirs = np.intersect1d(left.steps, right.steps, return_indices=True)
        x, y = left.values[mine], right.values[theirs]
        logged += len(steps)
        odd = np.flatnonzero(x.view(np.int64) != y.view(np.int64))
        if len(odd) and (first is None or steps[odd[0]] < first.step):
            place = odd[0]
            first = CurveDifference(int(steps[place]), name, float(x[place]), float(y[place]))
    return first, logged
