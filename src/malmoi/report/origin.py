"""Where a result came from: every setting with its origin, tool versions, timings."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from malmoi.artifact import Manifest
from malmoi.messages import text
from malmoi.report.folder import Cell, Found
from malmoi.report.numbers import lasting


@dataclass(frozen=True, slots=True)
class Setting:
    """`origin` is recipe file and line, --set, or empty for a default."""

    key: str
    value: str
    origin: str


def dotted(config: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All settings of a config by dotted key."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def shown(value: Any) -> str:
    """A setting as a recipe writes it."""
    return (
        "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )


def origin_of(key: str, origins: dict[str, str], run: str = "") -> str:
    """A second run's own settings stand under `runs.NAME.`, a second task's under `tasks.NAME.`."""
    _, _, name = key.partition(".")
    tried = (f"runs.{run}.{key}", f"tasks.{run}.{name}", key) if run else (key,)
    return next((origins[name] for name in tried if name in origins), "")


def parts(found: Found) -> list[tuple[str, str, str, Manifest]]:
    """(title, prefix of the settings' keys, name of the run, manifest) of everything in a folder."""
    made = []
    for name, stage in (("corpus", found.corpus), ("tokenizer", found.tokenizer), ("shards", found.shards)):
        if stage is not None:
            made.append((name, f"{name}.", "", stage.manifest))
    for run in found.runs:
        title = "pretrain" if run.name == "pretrain" else f"pretrain · {run.name}"
        made.append((title, "", run.name, run.manifest))
    if found.league is not None and found.league.manifest is not None:
        made.append(("league", "league.", "", found.league.manifest))
    cells = [*_a_cell_per_task(found), *found.tuned]
    made += [(f"finetune · {cell.task}", "finetune.", cell.task, cell.manifest) for cell in cells]
    return made


def _a_cell_per_task(found: Found) -> list[Cell]:
    first: dict[str, Cell] = {}
    for cell in found.league.cells if found.league else []:
        if cell.manifest.stage == "finetune":
            first.setdefault(cell.task, cell)
    return list(first.values())


def settings(found: Found) -> list[tuple[str, list[Setting]]]:
    """Every setting, stage by stage. Origins of a league's cells are the league's: they are run by it."""
    league = found.league.manifest.origins if found.league and found.league.manifest else {}
    made = []
    for title, prefix, run, manifest in parts(found):
        origins = {**league, **manifest.origins} if prefix == "finetune." else manifest.origins
        rows = [
            Setting(key, shown(value), origin_of(key, origins, run) or text("report.default"))
            for key, value in dotted(manifest.config, prefix)
        ]
        made.append((title, rows))
    return made


def versions(found: Found) -> list[tuple[str, str]]:
    """Tool → version; several where the stages were not made with the same."""
    seen: dict[str, list[str]] = {}
    for _, _, _, manifest in parts(found):
        for tool, version in manifest.versions.items():
            if version not in seen.setdefault(tool, []):
                seen[tool].append(version)
    return [(tool, ", ".join(found)) for tool, found in seen.items()]


def timings(found: Found) -> list[tuple[str, str, str]]:
    """(stage, state, time)."""
    rows = []
    for title, _, run, manifest in parts(found):
        seconds = manifest.timings.get("total_s")
        if (
            seconds is None
            and (own := [r for r in found.runs if r.name == run])
            and "clock.elapsed_s" in own[0].curves
        ):
            seconds = float(own[0].curves.elapsed()[-1])
        state = text(f"report.state.{manifest.state}")
        rows.append((title, state, lasting(seconds) if seconds is not None else "–"))
    return rows
