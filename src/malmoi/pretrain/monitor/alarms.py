"""Alarms: what a run's own numbers say when training goes on and nothing is learned.

Each alarm is a sentence about the journal's numbers, judged when a line is written; it fires once a run.
Thresholds come with the measurement that set them. An objective may have alarms of its own.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from statistics import median
from typing import Any

from malmoi.codes import Code
from malmoi.pretrain.objectives.kind import Entry, ObjectiveKind

# The plateau of word frequencies ends .64 to .67 nats below the unigram entropy (two runs, V 8,000 and
# 16,000, 4 x 256, up to 8.9 M tokens); models that learn more than frequencies pass 1 nat soon.
PLATEAU = 1.0
# By then a run that will leave the plateau within its budget has begun to; nothing is judged before.
JUDGED_AFTER = 0.25
FEWEST_STEPS = 200
# 200 different texts: collapsed encoders 1.0000, a healthy masked LM .80 and less.
COLLAPSED = 0.99
# Relative: what was sent backwards against the same loss by global counts.
DRIFT = 1e-3
SPIKE = 1.0  # nats (of the loss divided by its lowest value: a share) above the lowest logged loss
EXPLOSION = 20.0  # times the median gradient norm


@dataclass
class Watch:
    """Judges lines of the journal. Replay the lines of a resumed run first, so that nothing fires twice."""

    steps: int
    kind: ObjectiveKind
    fired: set[str] = field(default_factory=set)
    lowest: float = math.inf
    norms: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.own = self.kind.judge() if self.kind.judge else None

    def replay(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            if "alarm" in entry:
                self.fired.add(entry["alarm"])
            else:
                list(self.judge(entry))

    def judge(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        """The alarms this line sets off for the first time: (code, values of its message)."""
        for code, values in (*self._training(entry), *self._heldout(entry)):
            if self.first(code):
                yield code, values

    def first(self, code: str) -> bool:
        """Whether this alarm has not been told in this run; from now on it has."""
        known = code in self.fired
        self.fired.add(code)
        return not known

    def _late(self, entry: Entry) -> bool:
        return bool(entry["step"] >= max(JUDGED_AFTER * self.steps, FEWEST_STEPS))

    def _training(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        if "loss" not in entry:
            return
        loss, norm = entry["loss"], entry["grad_norm"]
        if loss > self.lowest + SPIKE * max(1.0, self.lowest / 10):
            yield Code.LOSS_JUMPED, {"loss": f"{loss:.3f}", "lowest": f"{self.lowest:.3f}"}
        self.lowest = min(self.lowest, loss)
        if len(self.norms) >= 10 and norm > EXPLOSION * median(self.norms):
            yield Code.LARGE_GRADIENT, {"norm": f"{norm:.3g}", "usual": f"{median(self.norms):.3g}"}
        self.norms = [*self.norms, norm][-50:]
        if abs(entry["drift"]) > DRIFT:
            yield Code.LOSS_DRIFT, {"drift": f"{entry['drift']:+.2%}"}
        if self.own is not None:
            yield from self.own.judge(entry, late=self._late(entry))

    def _heldout(self, entry: Entry) -> Iterator[tuple[str, dict[str, Any]]]:
        if "heldout_unigram" not in entry:
            return
        predicted = entry[self.kind.heldout]
        if self._late(entry) and predicted > entry["heldout_unigram"] - PLATEAU:
            yield (
                Code.FREQUENCY_PLATEAU,
                {"loss": f"{predicted:.2f}", "unigram": f"{entry['heldout_unigram']:.2f}"},
            )
        if self._late(entry) and entry["heldout_cls_cosine"] > COLLAPSED:
            yield Code.CLS_COLLAPSED, {"cosine": f"{entry['heldout_cls_cosine']:.4f}"}
