"""Train healthy and with each bug; the alarms of the runs become the rows of a table.

Every variant is a pretraining run in `runs/NAME`, so what is finished is not run again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from malmoi.artifact.disk import write_json
from malmoi.autopsy.bugs import BUGS, HEALTHY, MODEL, RECIPE, Bug
from malmoi.codes import Code
from malmoi.config import changed
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.league.table import LeagueLine
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.monitor.journal import read_journal
from malmoi.pretrain.run import pretrain
from malmoi.progress import SILENT, Reporter, Step

TABLE = "autopsy.json"
RUNS = "runs"
# In standard errors of the scored rows: a score this far below the healthy one is caught.
PROBE_ERRORS = 3.0


@dataclass(frozen=True, slots=True)
class VariantFinding:
    """One row. Losses and AUC are those of the held-out text (of the training text if there is none).

    Attributes:
        alarms: (code, step) in the order they fired.
        refused: the error that ended the run, or None; its step is 0 if training had not begun.
        base_entropy: the loss of a discriminator that knows only the replaced rate.
        score: fine-tuned on the sample's reviews; None without the probe, or without a checkpoint.
        caught: codes that the healthy run did not set off, and "probe" if only the score shows it.
    """

    bug: str
    alarms: list[tuple[str, int]]
    refused: tuple[str, int] | None
    step: int
    generator_loss: float | None
    discriminator_loss: float | None
    base_entropy: float | None
    auc: float | None
    score: float | None = None
    caught: tuple[str, ...] = ()


class _Bars(Reporter):
    """Lets bars through and keeps a variant's news and warnings to itself: they are in the table."""

    def __init__(self, outer: Reporter) -> None:
        self.outer = outer

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        with self.outer.step(key, total, unit) as step:
            yield step

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        pass


def autopsy(
    shards: Path,
    out: Path,
    names: Sequence[str],
    *,
    recipe: PretrainConfig = RECIPE,
    model: ModelConfig = MODEL,
    reporter: Reporter = SILENT,
) -> list[VariantFinding]:
    """The healthy run first, then one per name. Raises what `pretrain` raises if no bug caused it."""
    variants = {HEALTHY: Bug()} | {name: BUGS[name] for name in names}
    found = []
    for number, (name, bug) in enumerate(variants.items(), 1):
        reporter.say("autopsy.variant", number=number, total=len(variants), name=name)
        found.append(_variant(name, bug, shards, out / RUNS / name, recipe, model, _Bars(reporter)))
    return found


def _variant(
    name: str, bug: Bug, shards: Path, run: Path, recipe: PretrainConfig, model: ModelConfig, bars: Reporter
) -> VariantFinding:
    config = changed(recipe, bug.settings, {}, "pretrain")
    refused = None
    try:
        pretrain(config, model, shards, run, Context(bars), objective=bug.objective)
    except MalmoiError as error:
        if name == HEALTHY or error.code not in (Code.NONFINITE_LOSS, Code.TIES_BROKEN):
            raise
        refused = (error.code, int(error.values.get("step", 0)))
    journal = read_journal(run)
    last: dict[str, Any] = {}
    for entry in journal:
        last |= entry

    def final(metric: str) -> float | None:
        value = last.get(f"heldout_{metric}", last.get(metric))
        return None if value is None or not math.isfinite(value) else float(value)

    return VariantFinding(
        bug=name,
        alarms=[(entry["alarm"], entry["step"]) for entry in journal if "alarm" in entry],
        refused=refused,
        step=last.get("step", 0),
        generator_loss=final("generator_loss"),
        discriminator_loss=final("discriminator_loss"),
        base_entropy=final("base_entropy"),
        auc=final("discriminator_auc"),
    )


def judge(
    found: Sequence[VariantFinding], scores: Mapping[str, LeagueLine] | None = None
) -> list[VariantFinding]:
    """Fill in `score` and `caught`."""
    scores = scores or {}
    healthy = found[0]
    usual = {code for code, _ in healthy.alarms}
    return [
        replace(
            one,
            score=scores[one.bug].mean if one.bug in scores else None,
            caught=tuple(_caught(one, usual, scores)) if one.bug != HEALTHY else (),
        )
        for one in found
    ]


def _caught(one: VariantFinding, usual: set[str], scores: Mapping[str, LeagueLine]) -> Iterator[str]:
    if one.refused:
        yield one.refused[0]
    for code, _ in one.alarms:
        if code not in usual:
            yield code
    if one.bug in scores and tells(scores):
        mine, healthy = scores[one.bug], scores[HEALTHY]
        error = math.hypot(mine.sampling_sd or 0.0, healthy.sampling_sd or 0.0)
        if healthy.mean - mine.mean > PROBE_ERRORS * error:
            yield "probe"


def tells(scores: Mapping[str, LeagueLine]) -> bool:
    """Whether scores say anything: only if the cells have a sampling error and the healthy run itself is
    better than new weights. 240 steps are not enough for that (accuracy .558 against .639, 1,000 rows)."""
    healthy = scores.get(HEALTHY)
    if healthy is None or any(line.sampling_sd is None for line in scores.values()):
        return False
    return bool(healthy.difference and healthy.difference > (healthy.sampling_sd or 0.0))


def write_findings(out: Path, found: Sequence[VariantFinding]) -> Path:
    """`autopsy.json`: the rows as a list."""
    write_json(out / TABLE, [asdict(one) for one in found])
    return out / TABLE
