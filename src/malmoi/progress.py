"""How a stage tells the world what it is doing. Stages take a `Reporter`; the terminal, `--json` and tests
each have their own. Nothing here draws: a bare training machine needs no rich."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol

from malmoi.errors import MalmoiError


class MalmoiWarning(UserWarning):
    """A warning that nobody's reporter was given to say; `error` has its code and values."""

    def __init__(self, error: MalmoiError) -> None:
        super().__init__(str(error))
        self.error = error


class Step(Protocol):
    """One long step with a bar: `advance(bytes_done, detail="wiki_03.txt")`."""

    def advance(self, amount: float, detail: str = "") -> None: ...

    def skip(self, amount: float) -> None:
        """What was done before the step began: it moves the bar and is no part of the rate."""


class Reporter:
    """Silent. `key` is always a key of the message catalog, so both languages are sure to exist."""

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        """A bar of `total` units (`B` bytes, `row`, `token`, …; None: unknown); shows rate and time left."""
        yield _SilentStep()

    def say(self, key: str, **values: Any) -> None:
        """One line of news."""

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        """Something the user should know, in the form of an error (MM code) that does not stop the work."""
        warnings.warn(MalmoiWarning(MalmoiError(code, where, **values)), stacklevel=2)

    def record(self, event: str, **values: Any) -> None:
        """Numbers for `--json` and the live display, e.g. record("train", step=10, loss=7.1)."""


class _SilentStep:
    def advance(self, amount: float, detail: str = "") -> None:
        pass

    def skip(self, amount: float) -> None:
        pass


SILENT = Reporter()
