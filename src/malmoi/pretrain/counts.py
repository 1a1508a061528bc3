"""What a pretraining run's manifest counts: from its beginning on, and once it is finished."""

from __future__ import annotations

from typing import Any

from malmoi.artifact.counts import Counts


class PretrainCounts(Counts):
    """A run under way. `init`: what it took over from the checkpoint it began with."""

    shards: str
    objective: str
    parameters: int
    precision: str
    milestones: tuple[int, ...]
    init: dict[str, Any] | None = None


class FinishedCounts(PretrainCounts):
    """Beside these the last metrics, which have the journal's names."""

    step: int
    tokens: int
    alarms: tuple[str, ...]

    @property
    def metrics(self) -> dict[str, float]:
        found = self.model_extra or {}
        return {name: value for name, value in found.items() if isinstance(value, int | float)}
