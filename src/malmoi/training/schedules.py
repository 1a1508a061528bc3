"""The learning rate as a function of the step."""

from __future__ import annotations

import math


def rate_at(step: int, steps: int, *, peak: float, warmup: float, decay: str, warmup_steps: int = 0) -> float:
    """The rate for update `step` (0-based) of `steps`.

    The warm-up takes `warmup_steps` updates or, where those are 0, the share `warmup` of all.

    - `linear`, `cosine`, `none`: a linear rise to `peak`, then to 0 in a line or half a cosine, or constant.
    - `bert`, as google-research/bert (optimization.py:32-54): peak · step / warm-up while warming up, and
      afterwards peak · (1 - step / steps): after the warm-up the rate drops to where a line from the first
      update on would be. A share is rounded down (run_classifier.py).
    - `electra`, as google-research/electra (model/optimization.py:36-45): that line times
      min(1, step / warm-up), so the rate rises in a curve and does not reach `peak`. A share is not rounded.

    With both of them the first update has rate 0, unless there is no warm-up.
    """
    warming: float = warmup_steps or warmup * steps
    if decay == "electra":
        return peak * (1 - step / steps) * (min(1.0, step / warming) if warming else 1.0)
    if decay == "bert":
        return peak * (step / int(warming) if step < int(warming) else 1 - step / steps)
    rising = round(warming)
    if step < rising:
        return peak * (step + 1) / rising
    if decay == "none":
        return peak
    progress = (step - rising) / max(1, steps - rising)
    if decay == "cosine":
        return peak * 0.5 * (1 + math.cos(math.pi * progress))
    return peak * (1 - progress)
