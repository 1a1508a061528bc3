"""Artifact folders: what a stage writes, with a manifest of what it was made from, how, and which bytes it
has.

*Finished* artifacts are written as `NAME.tmp/`, fsynced and renamed, so a reader never sees half of one.
*Live* artifacts (pretrain, finetune, league) are visible at once with `state = running`.
Same key (stage + identity config + digests of the inputs) = nothing to do.
"""

from __future__ import annotations

import hashlib
import platform
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from malmoi import __version__
from malmoi.artifact.disk import (
    disk_errors,
    locked,
    real_place,
    sync_folder,
    sync_tree,
    write_json,
)
from malmoi.codes import Code
from malmoi.config import Section, identity
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.json_files import JsonError, read_json, reason, to_json
from malmoi.progress import Reporter

MANIFEST = "manifest.json"
# The outcome of a stage may depend on these.
LIBRARIES = {
    "corpus": ("polars",),
    "tokenizer": ("tokenizers", "sentencepiece"),
    "shards": ("tokenizers", "sentencepiece", "tokie", "numpy"),
    "pretrain": ("torch", "numpy"),
    "finetune": ("torch", "numpy", "tokenizers", "sentencepiece"),
}


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
            found = path.stat()
        except OSError:
            return False
        return (found.st_size, found.st_mtime_ns, found.st_ino) == (self.size, self.mtime_ns, self.inode)

    def again(self, path: Path, *, verify: bool = False) -> FileRecord | None:
        """The record of the file as it is now, or None if its bytes have changed or it is gone. A copy has
        another inode and maybe another time: then, or with `verify`, the bytes are read."""
        try:
            if path.stat().st_size != self.size:
                return None
            found = record_file(path, self, verify=verify)
        except OSError:
            return None
        return found if found.sha256 == self.sha256 else None


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
    return hashlib.sha256(to_json(value, sort_keys=True).encode()).hexdigest()


def record_file(path: Path, known: FileRecord | None = None, *, verify: bool = False) -> FileRecord:
    """Digest a file; `known` is returned unread while size, mtime and inode agree (not with `verify`)."""
    if known is not None and not verify and known.still(path):
        return known
    before = path.stat()
    with path.open("rb") as stream:
        sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
    return FileRecord(size=before.st_size, mtime_ns=before.st_mtime_ns, inode=before.st_ino, sha256=sha256)


def record_inputs(paths: Iterable[Path], out: Path, *, verify: bool = False) -> dict[str, FileRecord]:
    """Digests of raw input files, reusing those recorded in the artifact already at `out`."""
    known: dict[str, FileRecord] = {}
    out = real_place(out)
    for folder in (out, _draft_folder(out)):
        if (folder / MANIFEST).exists():
            known |= read_manifest(folder).inputs
    return {str(path): record_file(path, known.get(str(path)), verify=verify) for path in paths}


def artifact_key(stage: str, config: Section, inputs: Mapping[str, str]) -> str:
    """The key of an artifact: stage, identity config, and name → digest of each input."""
    return digest_json({"stage": stage, "config": identity(config), "inputs": dict(inputs)})


def read_manifest(folder: Path, stage: str | None = None) -> Manifest:
    """Read and check a manifest. Raises MM0010 (none), MM0011 (damaged), MM0012 (another stage's)."""
    try:
        manifest = Manifest.model_validate(read_json(folder / MANIFEST))
    except (FileNotFoundError, NotADirectoryError):
        raise MalmoiError(Code.ARTIFACT_MISSING, folder, stage=stage or "malmoi") from None
    except (JsonError, ValidationError) as error:
        raise MalmoiError(Code.MANIFEST_DAMAGED, folder / MANIFEST, detail=reason(error)) from None
    except OSError as error:
        raise MalmoiError(Code.MANIFEST_DAMAGED, folder / MANIFEST, detail=error.strerror) from None
    if stage is not None and manifest.stage != stage:
        raise MalmoiError(Code.WRONG_STAGE, folder, wanted=stage, found=manifest.stage)
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
            raise MalmoiError(Code.ARTIFACT_CHANGED, path, reason="missing")
        if path.stat().st_size != record.size:
            raise MalmoiError(
                Code.ARTIFACT_CHANGED, path, reason=f"{path.stat().st_size} B ≠ {record.size} B"
            )
        if verify and record_file(path).sha256 != record.sha256:
            raise MalmoiError(Code.ARTIFACT_CHANGED, path, reason="SHA-256")


def is_current(
    folder: Path,
    stage: str,
    key: str,
    context: Context = Context(),
    *,
    inputs: Mapping[str, FileRecord] | None = None,
    is_locked: bool = False,
) -> bool:
    """Whether `folder` already holds the finished artifact with this key, its files untouched.

    For a copy the bytes are compared, and its manifest then records the files as they are now, and `inputs`
    likewise, so that they are read only once. `is_locked`: the caller keeps other processes out. Warns MM0032
    (made with other versions).
    """
    if not (folder / MANIFEST).exists():
        return False
    manifest = read_manifest(folder)
    if (manifest.stage, manifest.key, manifest.state) != (stage, key, "finished"):
        return False
    files: dict[str, FileRecord] = {}
    for name, record in manifest.files.items():
        if (found := record.again(folder / name, verify=context.verify)) is None:
            return False
        files[name] = found
    read = manifest.inputs if inputs is None else dict(inputs)
    same = manifest.model_copy(update={"files": files, "inputs": read})
    if same != manifest:
        # A folder on a read-only disk, or one that another process works in, does without.
        with suppress(OSError, MalmoiError):
            if is_locked:
                write_json(folder / MANIFEST, same.model_dump())
            else:
                with locked(folder):
                    write_json(folder / MANIFEST, same.model_dump())
    warn_versions(folder, manifest, context.reporter)
    return True


def warn_versions(folder: Path, manifest: Manifest, reporter: Reporter) -> None:
    """Warn MM0032 if an artifact was made with other versions of what it may depend on; once for all cells of
    a league, because they are inside one artifact."""
    names = ("malmoi", *LIBRARIES.get(manifest.stage, ()))
    here = tool_versions()
    odd = [n for n in names if n in manifest.versions and manifest.versions[n] != here.get(n)]
    if odd:
        whole = next((above for above in folder.parents[:6] if (above / MANIFEST).exists()), folder)
        made = ", ".join(f"{name} {manifest.versions[name]}" for name in odd)
        found = ", ".join(f"{name} {here.get(name, '–')}" for name in odd)
        reporter.warn(Code.OTHER_VERSIONS, str(whole), made=made, found=found)


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

    A draft left by an interrupted run is kept if its key is the same (so slices resume) and removed
    otherwise; on an error the draft stays for the next try. Raises MM0014 where `out` holds something that is
    not this stage's artifact, MM0015 when the disk is full.
    """
    out = real_place(out)
    folder, before = _draft_folder(out), out.with_name(f".{out.name}.before")
    if before.exists():  # a kill between the two renames below, or after them
        if out.exists():
            shutil.rmtree(before)
        else:
            before.rename(out)
    for place in (out, folder):
        if not is_free(place):
            read_manifest(place, stage)
    manifest = running_manifest(stage, config, key, inputs=inputs, origins=origins, seed=seed)
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


def running_manifest(
    stage: str,
    config: Section,
    key: str,
    *,
    inputs: Mapping[str, FileRecord] | None,
    origins: Mapping[str, str] | None,
    seed: int | None,
) -> Manifest:
    """The manifest of an artifact that is being made: what is known before there are files."""
    return Manifest(
        stage=stage,
        state="running",
        key=key,
        config=config.model_dump(mode="json"),
        origins=dict(origins or {}),
        seed=seed,
        inputs=dict(inputs or {}),
        versions=tool_versions(),
    )


def is_free(out: Path) -> bool:
    """Whether nothing is at `out`, or only what a kill before the first manifest left. Raises MM0014 if
    something is there that malmoi did not make.
    """
    if not out.exists():
        return True
    found = {path.name for path in out.iterdir()} if out.is_dir() else {out.name}
    if not found - {MANIFEST + ".tmp"}:
        return True
    if MANIFEST not in found:
        raise MalmoiError(Code.WOULD_OVERWRITE, out)
    return False


def _is_draft_of(folder: Path, key: str) -> bool:
    try:
        draft = read_manifest(folder)
    except MalmoiError:
        return False
    return draft.key == key and draft.state == "running"


def tool_versions() -> dict[str, str]:
    """Versions that may matter to a result; other versions warn (`warn_versions`), they never invalidate."""
    from importlib import metadata  # 70 ms that no worker of a pool needs to spend

    found = {"malmoi": __version__, "python": platform.python_version()}
    for name in (
        "torch",
        "numpy",
        "tokenizers",
        "tokie",
        "sentencepiece",
        "polars",
        "safetensors",
        "hypua2jamo",
    ):
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found
