"""A learning-rate schedule: down from the peak to a fifth of it, and up again every five steps."""

from __future__ import annotations


def sawtooth(step: int, steps: int, warmup: float) -> float:
    """What of the peak rate step `step` (0-based) of `steps` learns at."""
    return 1.0 - (step % 5) / 5
