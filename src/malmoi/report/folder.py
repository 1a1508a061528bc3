"""What is in a folder: one run, or everything a whole `malmoi run` wrote, finished or not."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from malmoi import json_files
from malmoi.artifact.finished import MANIFEST, Manifest, read_manifest
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.league.config import CHARACTERS, NO_PRETRAINING
from malmoi.league.gains import bar_ps, gain_ps
from malmoi.paths import composed
from malmoi.pretrain.counts import PretrainCounts
from malmoi.pretrain.objectives import OBJECTIVES, ObjectiveKind
from malmoi.pretrain.objectives.kind import unknown
from malmoi.report.curves import Curves, read_curves

BASELINES = (NO_PRETRAINING, CHARACTERS)


@dataclass(frozen=True, slots=True)
class StageFolder:
    """An artifact of the pipeline; `audit` is the corpus's, and `name` that of one of several tokenizers."""

    folder: Path
    manifest: Manifest
    audit: dict[str, Any] | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class PretrainRun:
    """One pretraining run, live or finished."""

    name: str
    folder: Path
    manifest: Manifest
    curves: Curves
    checkpoints: list[int]

    @property
    def counts(self) -> PretrainCounts:
        return PretrainCounts.of(self.manifest, self.folder)

    @property
    def objective(self) -> ObjectiveKind:
        """The record of its objective."""
        told = self.setting("objective")
        name = str(told.get("name") if isinstance(told, dict) else told)
        return OBJECTIVES.get(name) or unknown(name)

    def setting(self, name: str) -> Any:
        return self.manifest.config.get("pretrain", {}).get(name)

    def digests(self) -> set[str]:
        """The shards it read, by the first 16 digits of their digest; empty before it has read any."""
        rows = self.folder / "rows"
        return {path.name for path in rows.iterdir()} if rows.is_dir() else set()


@dataclass(frozen=True, slots=True)
class Cell:
    """One fine-tuning run; `scores` is None while it is under way."""

    row: str
    task: str
    seed: int | None
    folder: Path
    manifest: Manifest
    scores: dict[str, Any] | None

    @property
    def metric(self) -> str:
        return str(self.scores["metric"]) if self.scores else ""

    @property
    def value(self) -> float | None:
        """The score on test, or on dev if there is no test file."""
        scores = self.scores or {}
        found = scores.get("test") or scores.get("dev") or {}
        value = found.get(self.metric)
        return float(value) if value is not None else None


@dataclass(frozen=True, slots=True)
class League:
    """`lines` is the table (empty until it is written), `curve` the scores over pretraining tokens.

    Each line has `p` and `bar_p`: how likely chance alone makes its differences from the same model without
    pretraining and from the character n-grams (`malmoi.league.gains`).
    """

    manifest: Manifest | None
    lines: list[dict[str, Any]]
    curve: list[dict[str, Any]]
    cells: list[Cell]


@dataclass(frozen=True, slots=True)
class Found:
    """Everything a report is made of."""

    folder: Path
    corpus: StageFolder | None = None
    tokenizers: list[StageFolder] = field(default_factory=list)
    shards: list[StageFolder] = field(default_factory=list)
    """Named like the tokenizers they were made with."""
    runs: list[PretrainRun] = field(default_factory=list)
    league: League | None = None
    tuned: list[Cell] = field(default_factory=list)
    building: list[tuple[str, str]] = field(default_factory=list)
    """Stages (with the name of one of several) that have a draft: being built now, or interrupted."""

    def read_by(self, run: PretrainRun) -> StageFolder | None:
        """The shards that a run reads, if they are among these."""
        stages = {stage.folder: stage for stage in self.shards}
        return next((stages[place] for place in read_by(run, stages)), None)

    def vocabularies(self) -> dict[str, str]:
        """The tokenizer of each run, if there are several."""
        names = {run.name: stage.name for run in self.runs if (stage := self.read_by(run))}
        return names if len(set(names.values())) > 1 else {}


def read_by(run: PretrainRun, places: Iterable[Path]) -> list[Path]:
    """Which of these shards a run may have read, the surest first: those with the digest that its table of
    rows is named after, then what its manifest names, and a lone `shards`."""
    recorded = Path(run.counts.shards)
    known, places = run.digests(), list(places)
    fits = [place for place in places if known and _digest(place) in known]
    named = [place for place in places if place == recorded or place.name in ("shards", recorded.name)]
    return list(dict.fromkeys([*fits, *named]))


def _digest(shards: Path) -> str:
    """As in the name of a run's table of rows; empty if there are no shards."""
    try:
        return read_manifest(shards, "shards").digest[:16]
    except MalmoiError:
        return ""


def look(folder: Path) -> Found:
    """Read what a report needs. Raises MM1001 (nothing to report on), MM1002 (a damaged file),
    MM0011."""
    if (folder / MANIFEST).is_file():
        return _one(folder, read_manifest(folder))
    stages = {name: _stages(folder / name) for name in ("corpus", "tokenizer", "shards")}
    found = Found(
        folder,
        corpus=next(iter(stages["corpus"]), None),
        tokenizers=stages["tokenizer"],
        shards=stages["shards"],
        runs=pretrain_runs(folder),
        league=_league(folder / "league"),
        tuned=[_cell(path.parent, "") for path in sorted(folder.glob(f"seed-*/{MANIFEST}"))],
        building=[(stage, name) for stage, made in stages.items() for name in _drafts(folder / stage, made)],
    )
    if not (any(stages.values()) or found.runs or found.league or found.tuned or found.building):
        raise MalmoiError(Code.NOTHING_TO_REPORT, folder)
    return found


def _one(folder: Path, manifest: Manifest) -> Found:
    stage = manifest.stage
    if stage == "pretrain":
        return Found(folder, runs=[read_run(folder, folder.resolve().name)])
    if stage == "league":
        return Found(folder, league=_league(folder))
    if stage == "corpus":
        return Found(folder, corpus=_stage(folder))
    if stage == "tokenizer":
        return Found(folder, tokenizers=[_stage(folder)])
    if stage == "shards":
        return Found(folder, shards=[_stage(folder)])
    if stage == "finetune":
        return Found(folder, tuned=[_cell(folder, "")])
    raise MalmoiError(Code.NOTHING_TO_REPORT, folder)


def pretrain_runs(folder: Path) -> list[PretrainRun]:
    """The runs in a whole run's folder: `pretrain` itself, or `pretrain/NAME` for several, by name."""
    home = folder / "pretrain"
    if (home / MANIFEST).is_file():
        return [read_run(home, "pretrain")]
    if not home.is_dir():
        return []
    runs = [read_run(place, place.name) for place in sorted(home.iterdir()) if (place / MANIFEST).is_file()]
    manifests = [run.manifest for run in runs]
    # Without [runs] there is one for each of [tokenizers], of its name.
    order = _recipe_order("tokenizers", [run.name for run in runs], manifests)
    order = _recipe_order("runs", order, manifests)
    return sorted(runs, key=lambda run: order.index(run.name))


def read_run(folder: Path, name: str) -> PretrainRun:
    """Raises MM0010-MM0012 if the folder has no pretraining run, MM0031 for another version's, MM1002
    for a damaged journal."""
    manifest = read_manifest(folder, "pretrain")
    with json_files.expected_shape(folder / MANIFEST):
        dict(manifest.config.get("pretrain", {}))
    home = folder / "checkpoints"
    names = [re.fullmatch(r"step-(\d+)", path.name) for path in (home.iterdir() if home.is_dir() else [])]
    steps = sorted(int(name[1]) for name in names if name)
    return PretrainRun(name, folder, manifest, read_curves(folder / "metrics.jsonl"), steps)


def _stage(folder: Path, name: str = "") -> StageFolder:
    manifest = read_manifest(folder)
    audit = read_json(folder / "audit.json") if manifest.stage == "corpus" else None
    return StageFolder(folder, manifest, audit, name)


def _stages(home: Path) -> list[StageFolder]:
    """The artifact at `home`, or those below it by name; `NAME.tmp` and `.NAME.before` are not names."""
    if (home / MANIFEST).is_file():
        return [_stage(home)]
    places = sorted(home.iterdir()) if home.is_dir() else []
    names = [path.name for path in places if (path / MANIFEST).is_file()]
    stages = [_stage(home / name, name) for name in names if name[0] != "." and not name.endswith(".tmp")]
    order = _recipe_order("tokenizers", names, [stage.manifest for stage in stages])
    return sorted(stages, key=lambda stage: order.index(stage.name))


def _recipe_order(section: str, names: Iterable[str], manifests: Iterable[Manifest]) -> list[str]:
    """The names as the tables of a section stand in the recipe, whose order manifests list their settings in;
    those it does not name come last."""
    keys = [composed(key) for manifest in manifests for key in manifest.origins]
    first = {
        name: next((at for at, key in enumerate(keys) if key.startswith(f"{section}.{name}.")), len(keys))
        for name in names
    }
    return sorted(first, key=lambda name: first[name])


def _drafts(home: Path, made: list[StageFolder]) -> list[str]:
    """Names of what is being built at `home` ("") or below it, if nothing of that name is finished."""
    drafts = {"": home.with_name(f"{home.name}.tmp")}
    drafts |= {path.name.removesuffix(".tmp"): path for path in sorted(home.glob("*.tmp"))}
    finished = {stage.name for stage in made}
    return [name for name, path in drafts.items() if name not in finished and (path / MANIFEST).exists()]


def _league(folder: Path) -> League | None:
    if not folder.is_dir():
        return None
    cells = [_cell(path.parent, folder) for path in sorted(folder.glob(f"cells/*/*/seed-*/{MANIFEST}"))]
    manifest = read_manifest(folder) if (folder / MANIFEST).is_file() else None
    lines, curve = read_json(folder / "table.json"), read_json(folder / "curve.json")
    for name, value in (("table.json", lines), ("curve.json", curve)):
        if value is not None and not isinstance(value, list):
            raise MalmoiError(Code.RECORD_DAMAGED, folder / name)
    with json_files.expected_shape(folder / "table.json"):
        lines = with_ps(lines or [])
    return League(manifest, lines, curve or [], cells)


def with_ps(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of a table, each with its `p` and `bar_p`."""
    ps = zip(lines, gain_ps(lines), bar_ps(lines), strict=True)
    return [line | {"p": p, "bar_p": bar_p} for line, p, bar_p in ps]


def rows_of(line: dict[str, Any]) -> list[str]:
    """The rows of cells behind a line of the table: its own, or those of the pretrainings it pools."""
    return [str(row) for row in line.get("pooled") or [line["row"]]]


def _cell(folder: Path, league: Path | str) -> Cell:
    manifest = read_manifest(folder)
    scores = read_json(folder / "scores.json")
    if scores is not None and not isinstance(scores, dict):
        raise MalmoiError(Code.RECORD_DAMAGED, folder / "scores.json")
    row, task = (folder.parts[-3], folder.parts[-2]) if league else ("", "")
    return Cell(row, task or str((scores or {}).get("task", "")), manifest.seed, folder, manifest, scores)


def read_json(path: Path) -> Any:
    """A JSON file; None if there is none. Raises MM1002 if it is damaged."""
    try:
        return json_files.read_json(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (json_files.JsonError, OSError):
        raise MalmoiError(Code.RECORD_DAMAGED, path) from None
