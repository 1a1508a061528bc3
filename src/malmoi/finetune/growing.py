"""A growing artifact: visible from its first moment with `state = running`, whole once it says `finished`."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from malmoi.artifact import (
    MANIFEST,
    Draft,
    FileRecord,
    Manifest,
    disk_errors,
    read_manifest,
    record_file,
    sync_tree,
    tool_versions,
    write_json,
)
from malmoi.config import Section
from malmoi.errors import MalmoiError


@contextmanager
def growing_artifact(
    out: Path,
    stage: str,
    config: Section,
    key: str,
    *,
    inputs: Mapping[str, FileRecord],
    seed: int | None,
    origins: Mapping[str, str] | None = None,
    keep: bool = False,
) -> Iterator[Draft]:
    """Write into `out` itself. What an earlier or a cut run of this stage left there is removed first.

    On an error or a signal the folder stays `running`; the same command starts it again. With `keep` the
    contents stay: they are artifacts themselves and know whether they are done (the cells of a league).
    Raises MM0012 and MM0014 where `out` holds something else, MM0015 when the disk is full.
    """
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        if not (out / MANIFEST).exists():
            raise MalmoiError("MM0014", out)
        read_manifest(out, stage)
        if not keep:
            shutil.rmtree(out)
    manifest = Manifest(
        stage=stage,
        state="running",
        key=key,
        config=config.model_dump(mode="json"),
        origins=dict(origins or {}),
        seed=seed,
        inputs=dict(inputs),
        versions=tool_versions(),
    )
    draft = Draft(out)
    started = time.monotonic()
    with disk_errors(out):
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / MANIFEST, manifest.model_dump())
        yield draft
        draft.timings["total_s"] = round(time.monotonic() - started, 3)
        manifest.state, manifest.counts, manifest.timings = "finished", draft.counts, draft.timings
        manifest.files = {
            str(path.relative_to(out)): record_file(path)
            for path in sorted(out.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        }
        sync_tree(out)  # the manifest says `finished` only after everything it names is on the disk
        write_json(out / MANIFEST, manifest.model_dump())
