"""A budget of minutes: sections that fail alone, and a moment at which everything has to be over."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager


class Minutes:
    """Counts from its making. Seconds everywhere but here."""

    def __init__(self, minutes: float) -> None:
        self.begun = time.monotonic()
        self.total = minutes * 60

    @property
    def left(self) -> float:
        """Seconds left, never below 0."""
        return max(0.0, self.total - (time.monotonic() - self.begun))

    @contextmanager
    def section(self, name: str) -> Iterator[None]:
        """A part of the programme: what it raises is printed, and the next part begins."""
        print(f"\n== {name}, {self.left:.0f} s left", flush=True)
        try:
            yield
        except Exception as error:
            told = f"{type(error).__name__}: {error}".replace("\n", " | ")[:600]
            print(f"section {name} FAILED {told}", flush=True)
