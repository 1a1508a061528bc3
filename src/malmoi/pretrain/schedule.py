"""The learning rate as a function of the step."""

from __future__ import annotations

import math


def rate_at(step: int, steps: int, *, peak: float, warmup: float, decay: str) -> float:
    """The rate for update `step` (0-based) of `steps`: linear rise over `warmup · steps`, then to 0
    (linear or half a cosine), or constant (`none`).

    `linear-throughout` is google-research/electra's and bert's `optimization.py`: peak · (1 - step / steps)
    · min(1, step / (warmup · steps)), both at once, so the first update has rate 0.
    """
    rising = round(warmup * steps)
    if decay == "linear-throughout":
        return peak * (1 - step / steps) * min(1.0, step / max(1, rising))
    if step < rising:
        return peak * (step + 1) / rising
    if decay == "none":
        return peak
    progress = (step - rising) / max(1, steps - rising)
    if decay == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * progress))
    return peak * (1 - progress)
