"""What a stage counted, as its manifest has it: a record with types, written by the stage and read as one."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from malmoi.artifact.finished import MANIFEST, Manifest
from malmoi.json_files import expected_shape


class Counts(BaseModel):
    """`counts` of a stage's manifest. Names that the record does not know are kept as they are."""

    model_config = ConfigDict(frozen=True, extra="allow")

    @classmethod
    def of(cls, manifest: Manifest, folder: Path) -> Self:
        """Those of the artifact in `folder`. Raises MM0031 where one is missing or of another type."""
        with expected_shape(folder / MANIFEST):
            return cls.model_validate(manifest.counts)

    def as_json(self) -> dict[str, Any]:
        """For a manifest: what is known, without the defaults."""
        return self.model_dump(exclude_unset=True)
