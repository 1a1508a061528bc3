"""The learning rate as a function of the step: a new schedule is a function and an entry of `SCHEDULES`."""

from __future__ import annotations

import math
from collections.abc import Callable

Schedule = Callable[[int, int, float], float]
"""(0-based step, steps, steps of warm-up, not rounded) → share of the peak learning rate."""


def linear(step: int, steps: int, warmup: float) -> float:
    """A line up to the peak, and a line down to 0."""
    return _after_warmup(step, steps, warmup, lambda progress: 1 - progress)


def cosine(step: int, steps: int, warmup: float) -> float:
    """A line up to the peak, and half a cosine down to 0."""
    return _after_warmup(step, steps, warmup, lambda progress: 0.5 * (1 + math.cos(math.pi * progress)))


def constant(step: int, steps: int, warmup: float) -> float:
    """A line up to the peak, which is kept."""
    return _after_warmup(step, steps, warmup, lambda progress: 1.0)


def bert(step: int, steps: int, warmup: float) -> float:
    """As google-research/bert (optimization.py:32-54): step / warm-up while warming up, and afterwards
    1 - step / steps: after the warm-up the rate drops to where a line from the first step on would be. The
    warm-up is rounded down (run_classifier.py). The first step has rate 0, unless there is no warm-up."""
    rising = int(warmup)
    return step / rising if step < rising else 1 - step / steps


def electra(step: int, steps: int, warmup: float) -> float:
    """As google-research/electra (model/optimization.py:36-45): a line from the first step on times
    min(1, step / warm-up), so the rate rises in a curve and does not reach the peak. The warm-up is not
    rounded. The first step has rate 0, unless there is no warm-up."""
    return (1 - step / steps) * (min(1.0, step / warmup) if warmup else 1.0)


SCHEDULES: dict[str, Schedule] = {
    "linear": linear,
    "cosine": cosine,
    "constant": constant,
    "bert": bert,
    "electra": electra,
}


def learning_rate(
    step: int, steps: int, *, peak: float, schedule: str, warmup: float, warmup_steps: int = 0
) -> float:
    """The rate of `step` (0-based) of `steps`; the warm-up takes `warmup_steps` or, where those are 0, the
    share `warmup` of all."""
    return peak * SCHEDULES[schedule](step, steps, warmup_steps or warmup * steps)


def _after_warmup(step: int, steps: int, warmup: float, share: Callable[[float], float]) -> float:
    rising = round(warmup)
    if step < rising:
        return (step + 1) / rising
    return share((step - rising) / max(1, steps - rising))
