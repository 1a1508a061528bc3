"""The one error a user sees: a code, what happened, why, and what to do, one line each, from the catalog."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malmoi import messages
from malmoi.codes import Code
from malmoi.paths import readable


class MalmoiError(Exception):
    """A mistake the user can mend. `MalmoiError(Code.INPUT_MISSING, "a.csv:3", path=…)`.

    Args:
        code: a `Code`; its value is a key of the message catalog.
        where: file, file:line or file:line:column, where there is one.
        values: what the catalog's sentences ask for; all are shown, so never a secret.
    """

    exit_code = 2

    def __init__(self, code: str, /, where: str | Path | None = None, **values: Any) -> None:
        super().__init__(code)
        self.code = Code(code)
        self.where = readable(str(where)) if where is not None else None
        self.values = values

    def __reduce__(self) -> tuple[Any, ...]:
        # Worker processes hand errors over by pickle; keyword values need this.
        return (_rebuild, (self.code, self.where, {k: str(v) for k, v in self.values.items()}))

    def line(self, part: str) -> str:
        return messages.render(messages.catalog()[self.code][messages.language()][part], **self.values)

    @property
    def what(self) -> str:
        return self.line("what")

    @property
    def why(self) -> str:
        return self.line("why")

    @property
    def do(self) -> str:
        return self.line("do")

    def as_dict(self) -> dict[str, str | None]:
        return {
            "code": self.code,
            "name": self.code.name,
            "where": self.where,
            "what": self.what,
            "why": self.why,
            "do": self.do,
        }

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        return f"{self.code} {place}{self.what}\n  {self.why}\n  → {self.do}"


def _rebuild(code: str, where: str | None, values: dict[str, str]) -> MalmoiError:
    return MalmoiError(code, where, **values)


class Interrupted(Exception):  # noqa: N818 - a way to end, not a fault
    """A signal asked the run to end and everything is saved. `exit_code` is 130 (Ctrl-C) or 143 (SIGTERM)."""

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code
