"""The verdict on a run, in sentences: what was trained, on how much, whether pretraining helps, what is odd.

A gain counts if chance would hardly produce it (`malmoi.league.gains`); with one seed nothing is claimed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from malmoi.errors import MalmoiError
from malmoi.league.config import CHARACTERS
from malmoi.league.gains import Outcome, judge
from malmoi.messages import text, words
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.monitor.alarms import FEWEST_STEPS, JUDGED_AFTER, PLATEAU
from malmoi.report.curves import improvement
from malmoi.report.folder import BASELINES, Found, League, PretrainRun
from malmoi.report.numbers import big, chance, gained, metric_title, scored, seeds, short
from malmoi.shards.counts import ShardsCounts
from malmoi.tasks.metrics import METRICS

FEW = 3  # up to this many runs each get a sentence

Tone = Literal["good", "bad", "warn", "plain"]


@dataclass(frozen=True, slots=True)
class Finding:
    tone: Tone
    text: str
    detail: str = ""


def headline(found: Found) -> Finding:
    """The one sentence at the top."""
    judged = _judged(found.league)
    if judged:
        return _help(judged)
    if found.vocabularies():
        return _vocabularies(found.runs)
    if found.runs:
        return _learning(max(found.runs, key=_learnt))
    if found.tuned and found.tuned[0].value is not None:
        cell = found.tuned[0]
        score = scored(cell.metric, cell.value)
        metric = metric_title(cell.metric)
        return Finding("plain", text("report.verdict.tuned", task=cell.task, metric=metric, score=score))
    return Finding("plain", text("report.verdict.nothing_yet"))


def findings(found: Found) -> list[Finding]:
    """The sentences below it: training, data, learning, the character n-grams, alarms, what is missing."""
    many = len(found.runs) > FEW
    said = [_all_trained(found.runs)] if many else [_trained(run, found) for run in found.runs]
    judged = _judged(found.league)
    if judged:
        learning = [(run, _learning(run)) for run in found.runs if _heldout(run) is not None]
        good = [run for run, told in learning if told.tone == "good"]
        if many and good:
            alike = not found.vocabularies()
            said.append(_all_learn(good, found.runs) if alike else _vocabularies(found.runs))
        said += [told for run, told in learning if not (many and run in good)]
    if len(judged) > 1:
        said += [_with_bar(_task(line), _bar(line, found.league)) for line in judged]
    else:
        said += [bar for line in judged if (bar := _bar(line, found.league))]
    said += [alarm for run in found.runs for alarm in alarms(run, several=len(found.runs) > 1)]
    return said + _missing(found)


def shape_of(run: PretrainRun) -> str:
    """`2 x 128`: layers and width; the recipe's name of the size if the section cannot be read."""
    model = run.manifest.config.get("model", {})
    try:
        arch = run.objective.arch
        shape = ModelConfig.model_validate(model).resolve(vocab_size=1000, pad_id=0, arch=arch)
        return f"{shape.layers}×{shape.hidden}"
    except (ValueError, MalmoiError):  # another version's settings
        return str(model.get("size", ""))


def _heldout(run: PretrainRun) -> float | None:
    return run.curves.last(run.objective.heldout)


def below_frequencies(run: PretrainRun) -> float | None:
    """Nats by which the held-out loss is below the word-frequency line."""
    return improvement(run.curves.last("heldout_unigram"), _heldout(run))


def _learnt(run: PretrainRun) -> tuple[float, float]:
    """What several runs of one vocabulary are sorted by."""
    below, heldout = below_frequencies(run), _heldout(run)
    return -math.inf if below is None else below, -math.inf if heldout is None else -heldout


def _trained(run: PretrainRun, found: Found) -> Finding:
    steps = run.setting("steps") or 0
    shards = found.read_by(run)
    tokens = ShardsCounts.of(shards.manifest, shards.folder).train.tokens if shards else None
    values: dict[str, Any] = {
        "name": run.name,
        "objective": run.objective.title,
        "shape": shape_of(run),
        "parameters": big(run.counts.parameters),
        "tokens": big(run.curves.tokens),
        "step": f"{run.curves.step:,}",
        "steps": f"{steps:,}",
    }
    parts = [text("report.verdict.trained", **values)]
    if tokens:
        parts.append(
            text("report.verdict.passes", passes=f"{run.curves.tokens / tokens:,.1f}", text=big(tokens))
        )
    running = run.manifest.state == "running"
    if running:
        parts.append(text("report.verdict.running", **values))
    return Finding("plain", " ".join(parts))


def _all_trained(runs: Sequence[PretrainRun]) -> Finding:
    """One sentence for more runs than anybody reads one by one; a table lists them all."""
    steps, tokens = (sum(getattr(run.curves, name) for run in runs) for name in ("step", "tokens"))
    told = text("report.verdict.all_trained", n=len(runs), steps=f"{steps:,}", tokens=big(tokens))
    running = [run for run in runs if run.manifest.state == "running"]
    if running:
        places = (f"{run.name} ({run.curves.step:,} / {run.setting('steps') or 0:,})" for run in running)
        told += " " + text("report.verdict.some_running", names=", ".join(places))
    return Finding("plain", told)


def _all_learn(good: Sequence[PretrainRun], runs: Sequence[PretrainRun]) -> Finding:
    below = sorted(below_frequencies(run) or 0.0 for run in good)
    values = {"low": short(below[0]), "high": short(below[-1])}
    return Finding("good", text("report.verdict.all_learn", n=len(good), total=len(runs), **values))


def _vocabularies(runs: Sequence[PretrainRun]) -> Finding:
    """None of the runs is the best: each counts its loss over its own tokens."""
    good = sum(_learning(run).tone == "good" for run in runs)
    tone: Tone = "good" if good == len(runs) else "plain"
    return Finding(tone, text("report.verdict.vocabularies", n=good, total=len(runs)))


def _learning(run: PretrainRun) -> Finding:
    """Whether the loss shows that context is read; the thresholds are those of the alarms."""
    heldout, below = _heldout(run), below_frequencies(run)
    early = run.curves.step < max(JUDGED_AFTER * (run.setting("steps") or 0), FEWEST_STEPS)
    for metric in run.objective.metrics:
        value = run.curves.last(f"heldout_{metric.name}")
        if metric.blind is not None and value is not None and value < metric.blind and not early:
            shown = {"metric": words("report.plot", metric.name), "value": f"{value:.2f}"}
            return Finding("bad", text("report.verdict.blind", name=run.name, chance=metric.chance, **shown))
    if heldout is None:
        return Finding("plain", text("report.verdict.no_heldout", name=run.name))
    values = {"name": run.name, "loss": short(heldout), "below": short(abs(below or 0.0))}
    if below is None:
        return Finding("plain", text("report.verdict.heldout", **values))
    if below >= PLATEAU:
        return Finding("good", text("report.verdict.learns", **values))
    if early:
        return Finding("plain", text("report.verdict.early", name=run.name, loss=short(heldout)))
    return Finding("bad", text("report.verdict.plateau" if below >= 0 else "report.verdict.above", **values))


def is_baseline(row: str) -> bool:
    return row.startswith(BASELINES)


def worth(line: Mapping[str, Any]) -> float:
    """The mean of a line of the league, where more is better."""
    return METRICS[line["metric"]].sign * float(line["mean"])


def gain(line: Mapping[str, Any]) -> float:
    """What a line is better by than the same model without pretraining."""
    return METRICS[line["metric"]].sign * float(line["difference"])


def outcome_of(line: Mapping[str, Any]) -> Outcome:
    """What is said of that."""
    return judge(gain(line), line.get("p"))


def _judged(league: League | None) -> list[dict[str, Any]]:
    """For each task, the best line that has something to be compared with."""
    best: dict[str, dict[str, Any]] = {}
    for line in league.lines if league else []:
        if line.get("difference") is not None:
            before = best.get(line["task"])
            if before is None or worth(line) > worth(before):
                best[line["task"]] = line
    return list(best.values())


def _help(judged: Sequence[dict[str, Any]]) -> Finding:
    if len(judged) == 1:
        return _task(judged[0])
    found = [outcome_of(line) for line in judged]
    helps, hurts = found.count("helps"), found.count("hurts")
    tone: Tone = "good" if helps and not hurts else "bad" if hurts and not helps else "warn"
    values = {"total": len(judged), "helps": helps, "hurts": hurts, "rest": len(judged) - helps - hurts}
    key = "report.verdict.all_tasks" if helps == len(judged) else "report.verdict.tasks"
    return Finding(tone, text(key, **values))


def _task(line: dict[str, Any]) -> Finding:
    outcome, metric = outcome_of(line), line["metric"]
    tone: dict[str, Tone] = {"helps": "good", "hurts": "bad", "unclear": "warn", "one_seed": "warn"}
    values = {
        "row": line["row"],
        "task": line["task"],
        "gain": gained(metric, line["difference"]),
        "size": scored(metric, abs(line["difference"])),
        "error": scored(metric, line.get("difference_se")),
        "seeds": seeds(line["n"], line.get("tunings", 1), line.get("pooled", ())),
        "p": chance(line.get("p")),
    }
    return Finding(tone[outcome], text(f"report.verdict.{outcome}", **values))


def _bar(line: dict[str, Any], league: League | None) -> Finding | None:
    """The best line of a task against the character n-grams, the bar that every network must clear."""
    lines = [x for x in (league.lines if league else []) if x["task"] == line["task"]]
    base = next((x for x in lines if x["row"] == CHARACTERS), None)
    if base is None:
        return None
    above = line["mean"] - base["mean"]
    metric = line["metric"]
    values = {"row": line["row"], "above": scored(metric, abs(above)), "bar": scored(metric, base["mean"])}
    p = line.get("bar_p")
    found: dict[str, tuple[Tone, str]] = {
        "helps": ("good", "above_characters"),
        "hurts": ("bad", "below_characters"),
        "unclear": ("warn", "level_characters"),
        "one_seed": ("warn", "one_seed_characters"),
    }
    tone, key = found[judge(METRICS[metric].sign * above, p)]
    return Finding(tone, text(f"report.verdict.{key}", signed=gained(metric, above), p=chance(p), **values))


def _with_bar(said: Finding, bar: Finding | None) -> Finding:
    """Both sentences as one; green only where both are."""
    if bar is None:
        return said
    tone: Tone = "warn" if said.tone == "good" and bar.tone != "good" else said.tone
    return Finding(tone, f"{said.text} {bar.text}")


def alarms(run: PretrainRun, *, several: bool) -> list[Finding]:
    """Each kind of alarm once, as it first fired."""
    first: dict[str, dict[str, Any]] = {}
    for entry in run.curves.alarms:
        first.setdefault(str(entry["alarm"]), entry)
    said = []
    for code, entry in first.items():
        values = entry.get("values") or {}
        try:
            error = MalmoiError(code, step=entry["step"], **values)
            shown = text("report.verdict.alarm", code=code, what=error.what)
            detail = f"{error.why} → {error.do}"
        except (KeyError, ValueError, TypeError):  # an alarm of another version
            shown = text("report.verdict.unknown_alarm", code=code, step=f"{entry['step']:,}")
            detail = ", ".join(f"{name} {value}" for name, value in values.items())
        said.append(Finding("warn", f"{run.name} · {shown}" if several else shown, detail))
    return said


def _missing(found: Found) -> list[Finding]:
    said = []
    for stage, name in found.building:
        shown = words("pipeline.stage", stage) + (f" ({name})" if name else "")
        said.append(Finding("plain", text("report.verdict.building", stage=shown)))
    if found.runs and found.league is None:
        said.append(Finding("plain", text("report.verdict.no_league")))
    if found.league is not None and not found.league.lines:
        done = sum(cell.scores is not None for cell in found.league.cells)
        said.append(Finding("plain", text("report.verdict.league_running", done=done)))
    if found.shards and not found.runs:
        said.append(Finding("plain", text("report.verdict.no_pretraining")))
    return said
