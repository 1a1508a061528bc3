"""Which checkpoint of a run is kept: the best on dev, where differences that chance explains are none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from torch import Tensor

from malmoi.finetune.judged import Judged
from malmoi.tasks.resample import sampling_sd

Weights = dict[str, Tensor]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """Weights (on the CPU) after `step` steps and what the dev rows say about them."""

    step: int
    dev: Judged
    weights: Weights = field(default_factory=dict)

    def beats(self, other: Checkpoint) -> bool:
        """Better by more than one standard error of the difference on the same dev rows; or no worse in score
        and loss, and better in one of them or earlier."""
        mine, theirs = self.dev, other.dev
        if mine.worth - theirs.worth > sampling_sd(mine.resampled_S - theirs.resampled_S):
            return True
        if mine.worth < theirs.worth or mine.loss > theirs.loss:
            return False
        return (mine.worth, mine.loss) != (theirs.worth, theirs.loss) or self.step < other.step


class Choice:
    """Of the checkpoints that no other beats, the one with the lowest dev loss.

    A checkpoint is beaten by another that scores better by more than one standard error of their difference
    on the same dev rows, or that is no worse in both score and loss. What is left differs by chance, and
    there the loss is the finer measure. Every pair is looked at, so the order of the checkpoints decides
    nothing. Weights are kept only of those that may still win: one or two sets as a rule, one for each look
    at most.
    """

    def __init__(self) -> None:
        self._seen: list[Checkpoint] = []  # without weights
        self._left: list[Checkpoint] = []

    def offer(self, step: int, dev: Judged, copy: Callable[[], Weights]) -> None:
        """Take a checkpoint into account; `copy` is called where it may win."""
        found = Checkpoint(step, dev)
        self._left = [one for one in self._left if not found.beats(one)]
        if not any(one.beats(found) for one in self._seen):
            self._left.append(replace(found, weights=copy()))
        self._seen.append(found)

    @property
    def best(self) -> Checkpoint:
        """The one to keep of those offered, one at least."""
        return min(self._left, key=lambda one: (one.dev.loss, -one.dev.worth))
