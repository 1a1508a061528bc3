"""Where a result came from: every setting with its origin, tool versions, timings."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from malmoi.artifact.finished import Manifest
from malmoi.config import dotted
from malmoi.messages import text
from malmoi.report.folder import Cell, Found, PretrainRun
from malmoi.report.numbers import lasting


@dataclass(frozen=True, slots=True)
class Setting:
    """`origin` is recipe file and line, --set, or empty for a default."""

    key: str
    value: str
    origin: str


def shown(value: Any) -> str:
    """A setting as a recipe writes it."""
    return (
        "–" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    )


def origin_of(key: str, origins: dict[str, str], own: str) -> str:
    """Where the setting `key` came from; `own` is its name if a recipe changes it for one of several
    (`runs.NAME.pretrain.lr`, `tokenizers.NAME.kind`, `tasks.NAME.lr`)."""
    names = (own, key, own.removesuffix(".name"), key.removesuffix(".name"))  # a kind's name may stand alone
    return next((origins[name] for name in names if name in origins), "")


@dataclass(frozen=True, slots=True)
class OriginPart:
    """One artifact: `prefix` goes before its settings' names, `own` if a recipe changes them for it."""

    title: str
    prefix: str
    own: str
    manifest: Manifest
    run: PretrainRun | None = None


def parts(found: Found) -> list[OriginPart]:
    """Everything in a folder, in the order of the pipeline."""
    made = [OriginPart("corpus", "corpus.", "corpus.", found.corpus.manifest)] if found.corpus else []
    for stage in found.tokenizers:
        own = f"tokenizers.{stage.name}."
        made.append(OriginPart(_titled("tokenizer", stage.name), "tokenizer.", own, stage.manifest))
    made += [OriginPart(_titled("shards", s.name), "shards.", "shards.", s.manifest) for s in found.shards]
    for run in found.runs:
        title = _titled("pretrain", run.name if run.name != "pretrain" else "")
        made.append(OriginPart(title, "", f"runs.{run.name}.", run.manifest, run))
    if found.league is not None and found.league.manifest is not None:
        made.append(OriginPart("league", "league.", "league.", found.league.manifest))
    cells = [*_a_cell_per_task(found), *found.tuned]
    made += [
        OriginPart(_titled("finetune", c.task), "finetune.", f"tasks.{c.task}.", c.manifest) for c in cells
    ]
    return made


def _titled(stage: str, name: str) -> str:
    return f"{stage} · {name}" if name else stage


def _a_cell_per_task(found: Found) -> list[Cell]:
    first: dict[str, Cell] = {}
    for cell in found.league.cells if found.league else []:
        if cell.manifest.stage == "finetune":
            first.setdefault(cell.task, cell)
    return list(first.values())


def settings(found: Found) -> list[tuple[str, list[Setting]]]:
    """Every setting, stage by stage. The origins of a league's cells are the league's, which runs them."""
    league = found.league.manifest.origins if found.league and found.league.manifest else {}
    made = []
    for part in parts(found):
        origins = part.manifest.origins
        origins = {**league, **origins} if part.prefix == "finetune." else origins
        rows = []
        for name, value in dotted(part.manifest.config):
            key = part.prefix + name
            origin = origin_of(key, origins, part.own + name)
            rows.append(Setting(key, shown(value), origin or text("report.default")))
        made.append((part.title, rows))
    return made


def versions(found: Found) -> list[tuple[str, str]]:
    """Tool → version; several if the stages were made with different ones."""
    seen: dict[str, list[str]] = {}
    for part in parts(found):
        for tool, version in part.manifest.versions.items():
            if version not in seen.setdefault(tool, []):
                seen[tool].append(version)
    return [(tool, ", ".join(found)) for tool, found in seen.items()]


def timings(found: Found) -> list[tuple[str, str, str]]:
    """(stage, state, time)."""
    rows = []
    for part in parts(found):
        seconds = part.manifest.timings.get("total_s")
        if seconds is None and part.run and "clock.elapsed_s" in part.run.curves:
            seconds = float(part.run.curves.elapsed()[-1])
        state = text(f"report.state.{part.manifest.state}")
        rows.append((part.title, state, lasting(seconds) if seconds is not None else "–"))
    return rows
