"""How fast a run is and how long it will still take, from the time spent on training steps alone."""

from __future__ import annotations

import time


class Speed:
    """Counts tokens and seconds between two lines of metrics; scoring and saving are left out of the rate
    but not of the time left."""

    def __init__(self, flops_per_token: float, peak_flops: float, first_step: int) -> None:
        self.flops_per_token = flops_per_token
        self.peak_flops = peak_flops
        self.first_step = first_step
        self.begun = self._mark = time.monotonic()
        self._seconds = 0.0
        self._tokens = 0

    def start_step(self) -> None:
        self._mark = time.monotonic()

    def end_step(self, tokens: int) -> None:
        self._seconds += time.monotonic() - self._mark
        self._tokens += tokens

    def clock(self, step: int, steps: int) -> dict[str, float]:
        """Real tokens/s and MFU since the last call, seconds since the process began, and seconds left.

        MFU = real tokens/s · FLOPs per token (`model.sizes.flops_per_token`) / the device's matrix rate.
        """
        now = time.monotonic()
        rate = self._tokens / max(self._seconds, 1e-9)
        self._seconds, self._tokens = 0.0, 0
        per_step = (now - self.begun) / max(1, step - self.first_step)
        return {
            "tokens_per_s": round(rate, 1),
            "mfu": round(rate * self.flops_per_token / self.peak_flops, 4),
            "elapsed_s": round(now - self.begun, 2),
            "left_s": round(per_step * (steps - step), 1),
        }
