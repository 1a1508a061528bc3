"""Artifact folders: what a stage writes, with a manifest that says from what, how and which bytes.

*Finished* artifacts are written as `NAME.tmp/`, fsynced and renamed, so a reader never sees half of one.
*Growing* artifacts (pretrain, finetune, league) are visible at once with `state = running`.
Same key (stage + identity config + digests of the inputs) = nothing to do.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from malmoi import __version__
from malmoi.config import Section, identity
from malmoi.errors import MalmoiError

MANIFEST = "manifest.json"


class FileRecord(BaseModel):
    """What a file was when its digest was taken; the first three decide whether to trust it unread."""

    model_config = ConfigDict(frozen=True)
    size: int
    mtime_ns: int
    inode: int
    sha256: str

    def still(self, path: Path) -> bool:
        """Whether size, mtime and inode are as recorded (no byte is read)."""
        try:
            now = path.stat()
        except OSError:
            return False
        return (now.st_size, now.st_mtime_ns, now.st_ino) == (self.size, self.mtime_ns, self.inode)


class Manifest(BaseModel):
    """`manifest.json`: everything needed to say where an artifact came from and whether it is whole."""

    stage: str
    state: Literal["running", "finished"]
    key: str
    config: dict[str, Any]
    origins: dict[str, str] = {}
    seed: int | None = None
    inputs: dict[str, FileRecord] = {}
    files: dict[str, FileRecord] = {}
    counts: dict[str, Any] = {}
    timings: dict[str, float] = {}
    versions: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """One digest of the artifact's contents: what a later stage names as its input."""
        return digest_json({name: record.sha256 for name, record in sorted(self.files.items())})


@dataclass
class Draft:
    """An artifact being written: put files below `path`, numbers into `counts` and `timings`."""

    path: Path
    counts: dict[str, Any] = field(default_factory=dict)
    timings: dict[str, float] = field(default_factory=dict)


def digest_json(value: Any) -> str:
    """SHA-256 of a JSON value in canonical form."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def record_file(path: Path, known: FileRecord | None = None, *, verify: bool = False) -> FileRecord:
    """Digest a file; `known` is returned unread while size, mtime and inode agree (not with `verify`)."""
    if known is not None and not verify and known.still(path):
        return known
    before = path.stat()
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileRecord(size=before.st_size, mtime_ns=before.st_mtime_ns, inode=before.st_ino, sha256=sha256)


def record_inputs(paths: Iterable[Path], out: Path, *, verify: bool = False) -> dict[str, FileRecord]:
    """Digests of raw input files, reusing those recorded in the artifact that already stands at `out`."""
    known: dict[str, FileRecord] = {}
    for folder in (out, _draft_folder(out)):
        if (folder / MANIFEST).exists():
            known |= read_manifest(folder).inputs
    return {str(path): record_file(path, known.get(str(path)), verify=verify) for path in paths}


def artifact_key(stage: str, config: Section, inputs: Mapping[str, str]) -> str:
    """The key of an artifact: stage, identity config, and name → digest of each input."""
    return digest_json({"stage": stage, "config": identity(config), "inputs": dict(inputs)})


def read_manifest(folder: Path, stage: str | None = None) -> Manifest:
    """Read and check a manifest. Raises MM0010 (none there), MM0011 (damaged), MM0012 (another stage's)."""
    try:
        manifest = Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        raise MalmoiError("MM0010", folder, stage=stage or "malmoi") from None
    except ValidationError as error:
        raise MalmoiError("MM0011", folder / MANIFEST, detail=error.errors()[0]["msg"]) from None
    if stage is not None and manifest.stage != stage:
        raise MalmoiError("MM0012", folder, wanted=stage, found=manifest.stage)
    return manifest


def open_artifact(folder: Path, stage: str, *, verify: bool = False) -> Manifest:
    """The manifest of a finished artifact whose files are all there. Raises MM0010-MM0013."""
    manifest = read_manifest(folder, stage)
    check_files(folder, manifest.files, verify=verify)
    return manifest


def check_files(folder: Path, files: Mapping[str, FileRecord], *, verify: bool = False) -> None:
    """Raise MM0013 for the first file that is missing or differs: by size, and with `verify` by digest."""
    for name, record in files.items():
        path = folder / name
        if not path.exists():
            raise MalmoiError("MM0013", path, reason="missing")
        if path.stat().st_size != record.size:
            raise MalmoiError("MM0013", path, reason=f"{path.stat().st_size} B ≠ {record.size} B")
        if verify and record_file(path).sha256 != record.sha256:
            raise MalmoiError("MM0013", path, reason="SHA-256")


def is_current(folder: Path, stage: str, key: str, *, verify: bool = False) -> bool:
    """Whether `folder` already holds the finished artifact with this key, its files untouched."""
    if not (folder / MANIFEST).exists():
        return False
    manifest = read_manifest(folder)
    if (manifest.stage, manifest.key, manifest.state) != (stage, key, "finished"):
        return False
    return all(
        _same(folder / name, record) if verify else record.still(folder / name)
        for name, record in manifest.files.items()
    )


def _same(path: Path, record: FileRecord) -> bool:
    return path.exists() and record_file(path).sha256 == record.sha256


def _draft_folder(out: Path) -> Path:
    return out.with_name(out.name + ".tmp")


@contextmanager
def finished_artifact(
    out: Path,
    stage: str,
    config: Section,
    key: str,
    *,
    inputs: Mapping[str, FileRecord] | None = None,
    origins: Mapping[str, str] | None = None,
    seed: int | None = None,
) -> Iterator[Draft]:
    """Write an artifact as `out.tmp/`, then fsync and rename it to `out`.

    A draft left by a cut run is kept if its key is the same (so slices resume) and wiped otherwise; on an
    error the draft stays for the next try. Raises MM0014 where `out` holds something that is not this
    stage's artifact, MM0015 when the disk is full.
    """
    folder, before = _draft_folder(out), out.with_name(f".{out.name}.before")
    if before.exists():  # a kill between the two renames below, or after them
        if out.exists():
            shutil.rmtree(before)
        else:
            before.rename(out)
    for place in (out, folder):
        if not is_free(place):
            read_manifest(place, stage)
    manifest = Manifest(
        stage=stage,
        state="running",
        key=key,
        config=config.model_dump(mode="json"),
        origins=dict(origins or {}),
        seed=seed,
        inputs=dict(inputs or {}),
        versions=tool_versions(),
    )
    if folder.exists() and not _is_draft_of(folder, key):
        shutil.rmtree(folder)
    draft = Draft(folder)
    started = time.monotonic()
    with disk_errors(out), locked(folder):
        write_json(folder / MANIFEST, manifest.model_dump())
        yield draft
        draft.timings["total_s"] = round(time.monotonic() - started, 3)
        manifest.state, manifest.counts, manifest.timings = "finished", draft.counts, draft.timings
        manifest.files = {
            str(path.relative_to(folder)): record_file(path)
            for path in sorted(folder.rglob("*"))
            if path.is_file() and path.name != MANIFEST
        }
        write_json(folder / MANIFEST, manifest.model_dump())
        sync_tree(folder)
        if out.exists():
            out.rename(before)
        folder.rename(out)
        sync_folder(out.parent)
        shutil.rmtree(before, ignore_errors=True)


def is_free(out: Path) -> bool:
    """Whether nothing stands at `out`, or only what a kill before the first manifest left.

    Raises MM0014 where something stands there that malmoi did not make.
    """
    if not out.exists():
        return True
    found = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    if not found - {MANIFEST + ".tmp"}:
        return True
    if MANIFEST not in found:
        raise MalmoiError("MM0014", out)
    return False


def _is_draft_of(folder: Path, key: str) -> bool:
    try:
        draft = read_manifest(folder)
    except MalmoiError:
        return False
    return draft.key == key and draft.state == "running"


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` and keep other malmoi processes out of it; the lock goes when the process does.

    Raises MM0006 where another process works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise MalmoiError("MM0006", folder) from None
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn 'disk full', 'file too large' and 'not permitted' into the errors a user can act on."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
            raise MalmoiError("MM0015", out, detail=error.strerror) from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise MalmoiError("MM0016", error.filename or out, detail=error.strerror) from error
        raise


def write_json(path: Path, value: Any) -> None:
    """Write JSON through a synced temporary file and a rename: the reader sees the old or the new."""
    write_bytes(path, (json.dumps(value, ensure_ascii=False, indent=1) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    temporary = path.with_name(path.name + ".tmp")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
    sync_folder(path.parent)


def sync_tree(folder: Path) -> None:
    """fsync every file and folder below `folder`."""
    for path in folder.rglob("*"):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb") as stream:
                os.fsync(stream.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def tool_versions() -> dict[str, str]:
    """Versions that may matter to a result; they are told, and never invalidate."""
    from importlib import metadata  # 70 ms, which no worker of a pool needs

    found = {"malmoi": __version__, "python": platform.python_version()}
    for name in ("torch", "numpy", "tokenizers", "tokie", "sentencepiece", "polars", "safetensors"):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
