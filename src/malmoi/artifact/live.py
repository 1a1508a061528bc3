"""A live artifact: visible from its first moment with `state = running`, whole once it says `finished`.

`with locked_output(out)` keeps other processes out and restores the backup that a kill left; inside it, a
caller checks whether the work is done and, if not, writes `with live_artifact(out, …)`.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from malmoi.artifact.disk import disk_errors, locked, real_place, sync_folder, sync_tree, write_json
from malmoi.artifact.finished import (
    MANIFEST,
    Draft,
    FileRecord,
    read_manifest,
    record_file,
    running_manifest,
)
from malmoi.codes import Code
from malmoi.config import Section
from malmoi.errors import MalmoiError


@contextmanager
def locked_output(out: Path) -> Iterator[None]:
    """Keep other malmoi processes out of `out` (made if missing), and restore the backup that a kill left.

    Raises MM0006 if another process works in it, MM0014 if it is a file.
    """
    out = real_place(out)
    if out.exists() and not out.is_dir():
        raise MalmoiError(Code.WOULD_OVERWRITE, out)
    with ExitStack() as locks:
        with disk_errors(out):
            locks.enter_context(locked(out))
            if (before := _before(out)).is_dir():
                with locked(before):  # the process that made the backup may be about to make `out` again
                    restore_backup(out)
                locks.close()  # `out` may be another folder now
                locks.enter_context(locked(out))
        yield


@contextmanager
def live_artifact(
    out: Path,
    stage: str,
    config: Section,
    key: str,
    *,
    inputs: Mapping[str, FileRecord],
    seed: int | None,
    origins: Mapping[str, str] | None = None,
    counts: Mapping[str, Any] | None = None,
    keep: bool = False,
    recorded: bool = True,
) -> Iterator[Draft]:
    """Write into `out` itself, which the caller has locked (`locked_output`). What an interrupted run left
    there is removed first.

    A finished run is backed up as `.NAME.before` until the new one is finished, and restored if that fails.
    If there was none, the folder stays `running` after an error or a signal; the same command starts it
    again. With `keep` the contents stay: they know themselves whether they are done (the cells of a league,
    the checkpoints of a run). `counts` are those known from the start. Without `recorded` the manifest names
    no files: the contents have digests of their own and are on the disk already.
    Raises MM0012 and MM0014 if `out` holds something else, MM0015 if the disk is full.
    """
    out = real_place(out)
    before: Path | None = None
    if _holds_something(out):
        if not (out / MANIFEST).exists():
            raise MalmoiError(Code.WOULD_OVERWRITE, out)
        state = read_manifest(out, stage).state
        if not keep and state == "finished":
            before = _before(out)
        elif not keep:
            _empty(out)
    manifest = running_manifest(stage, config, key, inputs=inputs, origins=origins, seed=seed)
    manifest.counts = dict(counts or {})
    draft = Draft(out, dict(manifest.counts))
    started = time.monotonic()
    with disk_errors(out), _backed_up(out, before):
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / MANIFEST, manifest.model_dump())
        yield draft
        draft.timings["total_s"] = round(time.monotonic() - started, 3)
        manifest.state, manifest.counts, manifest.timings = "finished", draft.counts, draft.timings
        if recorded:
            manifest.files = {str(path.relative_to(out)): record_file(path) for path in _own_files(out)}
            sync_tree(out)  # the manifest says `finished` only after everything it names is on the disk
        write_json(out / MANIFEST, manifest.model_dump())


def restore_backup(out: Path) -> None:
    """After a kill: put the backup of the finished run back, unless the new one is finished."""
    out = real_place(out)
    before = _before(out)
    if not before.is_dir():
        return
    if (out / MANIFEST).exists() and read_manifest(out).state == "finished":
        shutil.rmtree(before)
    else:
        _return(before, out)


@contextmanager
def _backed_up(out: Path, before: Path | None) -> Iterator[None]:
    """Move `out` to `before` (None: there is nothing to keep) while a new run is made in its place."""
    if before is None:
        yield
        return
    out.rename(before)  # the caller's lock goes with it
    try:
        with locked(out):
            yield
    except BaseException:  # Ctrl-C too
        _return(before, out)
        raise
    sync_folder(out)  # the old run goes only after the new manifest is on the disk
    shutil.rmtree(before)


def _return(before: Path, out: Path) -> None:
    if out.exists():
        shutil.rmtree(out)
    before.rename(out)


def _own_files(out: Path) -> list[Path]:
    """All files except manifests, and except those of artifacts inside, which have manifests of their own."""
    inside = {path.parent for path in out.rglob(MANIFEST)} - {out}
    return [
        path
        for path in sorted(out.rglob("*"))
        if path.is_file() and path.name != MANIFEST and not inside & set(path.parents)
    ]


def _empty(folder: Path) -> None:
    """Remove what is in a folder, the manifest last (after a kill it must show whose folder this is), but not
    the folder itself, which is locked."""
    for path in sorted(folder.iterdir(), key=lambda path: path.name == MANIFEST):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _before(out: Path) -> Path:
    return out.with_name(f".{out.name}.before")


def _holds_something(out: Path) -> bool:
    """A kill before the first manifest was renamed leaves only its draft: that counts as nothing."""
    if not out.is_dir():
        return out.exists()
    return any(path.name != f"{MANIFEST}.tmp" for path in out.iterdir())
