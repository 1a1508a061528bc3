"""How a stage is to run, whatever it makes: who hears of it, where its settings come from, whether to trust
files unread, and on how many cores. Nothing here changes a result."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from malmoi.progress import SILENT, Reporter


@dataclass(frozen=True, slots=True)
class Context:
    """Handed from the command line to the stages as one argument.

    Attributes:
        origins: setting → where its value is from, for the manifest.
        verify: read the bytes of all files again, also of those that look untouched.
        workers: processes; 0 for one per core.
    """

    reporter: Reporter = SILENT
    origins: Mapping[str, str] = field(default_factory=dict)
    verify: bool = False
    workers: int = 0

    @property
    def cores(self) -> int:
        return self.workers or os.cpu_count() or 1
