"""A reporter that keeps what a stage says and warns of."""

from __future__ import annotations

from typing import Any

from malmoi.progress import Reporter


class Heard(Reporter):
    def __init__(self) -> None:
        self.said: list[tuple[str, dict[str, Any]]] = []
        self.warned: list[tuple[str, dict[str, Any]]] = []
        self.places: list[str | None] = []
        """Where each warning points."""

    def say(self, key: str, **values: Any) -> None:
        self.said.append((key, values))

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        self.warned.append((code, values))
        self.places.append(where)

    @property
    def keys(self) -> list[str]:
        return [key for key, _ in self.said]

    @property
    def codes(self) -> list[str]:
        return [code for code, _ in self.warned]
