"""How fast a run is and how long it will still take, from the time spent on training steps alone."""

from __future__ import annotations

import time


class Speed:
    """Counts tokens and seconds between two lines of metrics; what happens between `pause` and `resume`
    (scoring, saving) is left out of the rate but not of the time left.

    A GPU's steps are given to it long before it has done them: ask for `clock`, and pause, only where it has
    been waited for.
    """

    def __init__(self, flops_per_token: float, peak_flops: float, first_step: int) -> None:
        self.flops_per_token = flops_per_token
        self.peak_flops = peak_flops
        self.first_step = first_step
        self.begun = time.monotonic()
        self._mark: float | None = None  # since when the watch runs
        self._seconds = 0.0
        self._tokens = 0

    def resume(self) -> None:
        if self._mark is None:
            self._mark = time.monotonic()

    def pause(self) -> None:
        if self._mark is not None:
            self._seconds += time.monotonic() - self._mark
        self._mark = None

    def count(self, tokens: int) -> None:
        """Real tokens of a step."""
        self._tokens += tokens

    def clock(self, step: int, steps: int) -> dict[str, float]:
        """Real tokens/s and MFU since the last call, seconds since the process began, and seconds left.

        MFU = real tokens/s · FLOPs per token (`model.sizes.flops_per_token`) / the device's matrix rate.
        """
        running = self._mark is not None
        self.pause()
        now = time.monotonic()
        rate = self._tokens / max(self._seconds, 1e-9)
        self._seconds, self._tokens = 0.0, 0
        if running:
            self.resume()
        per_step = (now - self.begun) / max(1, step - self.first_step)
        return {
            "tokens_per_s": round(rate, 1),
            "mfu": round(rate * self.flops_per_token / self.peak_flops, 4),
            "elapsed_s": round(now - self.begun, 2),
            "left_s": round(per_step * (steps - step), 1),
        }
