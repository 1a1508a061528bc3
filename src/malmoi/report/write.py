"""Write a report: one self-contained HTML file, from whatever is in a run folder."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from malmoi import __version__
from malmoi.artifact.disk import disk_errors, write_bytes
from malmoi.artifact.finished import MANIFEST
from malmoi.json_files import expected_shape
from malmoi.messages import language, text, words
from malmoi.paths import as_stored, readable
from malmoi.report.charts import ROLES, SERIES
from malmoi.report.data import corpus_part, tokenizer_part
from malmoi.report.figures import figures
from malmoi.report.folder import Found, PretrainRun, look
from malmoi.report.numbers import big, gained, lasting, percent, short
from malmoi.report.origin import settings, timings, versions
from malmoi.report.scores import answered, score_curves, tasks
from malmoi.report.verdict import below_frequencies, findings, gain, headline, shape_of


def write_report(out: Path, target: Path) -> None:
    """Write the report on the run folder `out` (finished or live) to `target`, a file or a folder.

    Raises MM1001 (nothing to report on in `out`), MM1002 and MM0031 (a damaged file), MM0011 (a damaged
    manifest), MM0015-MM0016 (disk).
    """
    page = render("report.html", **_report(look(as_stored(out))))
    target = as_stored(target)
    target = target / "report.html" if target.is_dir() else target
    with disk_errors(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(target, readable(page).encode())


def render(template: str, **values: Any) -> str:
    """A template with the page's words, numbers and colours at hand. Every value is escaped."""
    found: str = (
        _templates()
        .get_template(template)
        .render(
            t=text,
            big=big,
            short=short,
            percent=percent,
            lang=language(),
            colours=SERIES,
            roles=ROLES,
            version=__version__,
            written=time.strftime("%Y-%m-%d %H:%M"),
            **values,
        )
    )
    return found


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("malmoi.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _report(found: Found) -> dict[str, Any]:
    """Each part under the name of the file its values come from."""
    with expected_shape(found.folder / MANIFEST):
        vocabularies = found.vocabularies()
        groups = vocabularies if len(set(vocabularies.values())) < len(vocabularies) else {}
        made = {
            "name": found.folder.resolve().name,
            "place": str(found.folder),
            "running": _running(found),
            "runs": _runs(found.runs, vocabularies),
            "vocabularies": vocabularies,
            "figures": figures(found.runs, speed=False, groups=groups),
            "speed": figures(found.runs, speed=True, groups=groups),
            "answered": answered(found),
            "tokenizer": tokenizer_part(found),
            "settings": settings(found),
            "versions": versions(found),
            "timings": timings(found),
        }
    league, home = found.league, found.folder
    if league and not (home / "table.json").exists():
        home /= "league"
    with expected_shape(home / "curve.json"):
        names = [run.name for run in found.runs]
        made["curves"] = score_curves(league, names, groups) if league else []
    with expected_shape(home / "table.json"):
        made["tasks"] = tasks(league) if league else []
        made |= {"headline": headline(found), "findings": findings(found), "tiles": _tiles(found)}
    with expected_shape((found.corpus.folder if found.corpus else home) / "audit.json"):
        made["corpus"] = corpus_part(found.corpus) if found.corpus else None
    return made


def _running(found: Found) -> bool:
    manifests = [run.manifest for run in found.runs]
    manifests += [found.league.manifest] if found.league and found.league.manifest else []
    return any(manifest.state == "running" for manifest in manifests) or bool(found.building)


def _tiles(found: Found) -> list[tuple[str, str, str]]:
    """(name, value, smaller words below it): the numbers to see first."""
    made: list[tuple[str, str, str]] = []
    if found.runs:
        run = max(found.runs, key=lambda run: run.curves.tokens)
        several = len(found.runs) > 1
        made.append((text("report.tile.tokens"), big(run.curves.tokens), run.name if several else ""))
        loss = run.curves.last(run.objective.heldout)
        if loss is not None and not found.vocabularies():  # no single number: their tokens differ
            below = below_frequencies(run)
            key = "report.tile.below" if (below or 0) >= 0 else "report.tile.above"
            note = "" if below is None else text(key, below=short(abs(below)))
            made.append((text("report.tile.heldout"), short(loss), note))
        if "clock.tokens_per_s" in run.curves:
            speed = run.curves.series["clock.tokens_per_s"].values
            half = sorted(speed.tolist())[len(speed) // 2]
            mfu = run.curves.last("clock.mfu")
            made.append((text("report.tile.speed"), big(half), f"MFU {percent(mfu, 0)} %" if mfu else ""))
    if found.league:
        lines = [line for line in found.league.lines if line.get("difference") is not None]
        if lines:
            best = max(lines, key=gain)
            shown = gained(best["metric"], best["difference"])
            made.append((text("report.tile.gain"), shown, str(best["task"])))
    if found.runs:
        rang = sum(len(run.curves.alarms) for run in found.runs)
        made.append((text("report.tile.alarms"), str(rang), ""))
    return made


RUN_ROWS: dict[str, Callable[[PretrainRun], str]] = {
    "objective": lambda run: run.objective.title,
    "shape": shape_of,
    "parameters": lambda run: big(run.counts.parameters),
    "steps": lambda run: f"{run.curves.step:,} / {run.setting('steps') or 0:,}",
    "tokens": lambda run: big(run.curves.tokens),
    "loss": lambda run: short(run.curves.last("loss")),
    "heldout": lambda run: short(run.curves.last(run.objective.heldout)),
    "unigram": lambda run: short(run.curves.last("heldout_unigram")),
    "time": lambda run: lasting(float(run.curves.elapsed()[-1])) if "clock.elapsed_s" in run.curves else "–",
    "checkpoints": lambda run: ", ".join(f"{step:,}" for step in run.checkpoints) or "–",
    "state": lambda run: text(f"report.state.{run.manifest.state}"),
}


def _runs(runs: list[PretrainRun], vocabularies: dict[str, str]) -> dict[str, Any]:
    """A table: what is known about the runs, with a value for each."""
    rows = [(text("report.section.tokenizer"), [vocabularies.get(run.name, "–") for run in runs])]
    for key, row in RUN_ROWS.items():
        rows.append((text(f"report.run.{key}"), [row(run) for run in runs]))
        rows += _headlines(runs) if key == "unigram" else []
    return {"names": [run.name for run in runs], "rows": [row for row in rows if set(row[1]) != {"–"}]}


def _headlines(runs: list[PretrainRun]) -> list[tuple[str, list[str]]]:
    """What is shown next to the loss in each run's progress bar, on the held-out text."""
    names = dict.fromkeys(run.objective.headline[1] for run in runs)
    return [
        (
            text("report.run.headline", metric=words("report.plot", name)),
            [
                short(run.curves.last(f"heldout_{name}")) if run.objective.headline[1] == name else "–"
                for run in runs
            ],
        )
        for name in names
    ]
