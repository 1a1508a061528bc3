"""Single files and folders on a disk: written whole or not at all, locked, and errors that say what to do."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import to_json
from malmoi.paths import as_stored

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
# Errors of a disk, or of a place that is not one, that name no file.
_NO_PLACE = (errno.EIO, errno.ENXIO, errno.ENODEV, errno.EINVAL, errno.ESTALE, errno.ENOTSUP)


def real_place(out: Path) -> Path:
    """Where `out` leads: a link is followed, so that it stays a link and its target is written.

    A folder is replaced by renaming another one, which must be beside the folder itself. Raises MM0030 if
    links form a circle or the path has no name (`/`), MM0016 if the place may not be read.
    """
    if "\0" in str(out):
        raise MalmoiError(Code.PATH_UNUSABLE, repr(str(out)), detail="NUL")
    out = as_stored(out)
    try:
        lost = any(above.is_symlink() and not above.exists() for above in out.parents)
        if lost or out.is_symlink() or out.name in ("", ".."):
            out = Path(os.path.realpath(out))
            if out.is_symlink():
                raise MalmoiError(Code.PATH_UNUSABLE, out, detail=os.strerror(errno.ELOOP))
        out.exists()  # a name too long, a folder that may not be read
    except OSError as error:
        raise disk_error(error, out) or MalmoiError(Code.PATH_UNUSABLE, out, detail=error.strerror) from None
    if not out.name:
        raise MalmoiError(Code.PATH_UNUSABLE, out, detail="/")
    return out


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make `folder` and keep other malmoi processes out of it; the lock ends with the process. Raises MM0006
    if another process works in it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise MalmoiError(Code.FOLDER_IN_USE, folder) from None
    finally:
        os.close(descriptor)


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn errors of the disk or the place into those a user can act on: MM0015 (full), MM0016 (not
    permitted), MM0030 (no file can be there)."""
    try:
        yield
    except OSError as error:
        if (found := disk_error(error, out)) is None:
            raise
        raise found from error


def disk_error(error: OSError, out: Path | None = None) -> MalmoiError | None:
    """The error that explains an OSError to the user; None if it is not about a file (a pipe)."""
    named = isinstance(error.filename, str | bytes | os.PathLike)
    where = Path(os.fsdecode(error.filename)) if named else out
    if error.errno in _FULL:
        return MalmoiError(Code.DISK_FULL, out or where, detail=error.strerror)
    if error.errno in _FORBIDDEN:
        return MalmoiError(Code.NO_PERMISSION, where, detail=error.strerror)
    if named or error.errno in _NO_PLACE:
        return MalmoiError(Code.PATH_UNUSABLE, where, detail=error.strerror)
    return None


def write_json(path: Path, value: Any) -> None:
    """Write JSON through a synced temporary file and a rename: a reader sees the old file or the new one."""
    write_bytes(path, (to_json(value, indent=1) + "\n").encode())


def write_bytes(path: Path, data: bytes) -> None:
    """Write a file as `write_json` does."""
    with whole_file(path) as draft, draft.open("wb") as stream:
        stream.write(data)
        stream.flush()
        with suppress(OSError) if draft == path else nullcontext():  # a pipe has nothing to sync
            os.fsync(stream.fileno())


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A draft to write, which replaces `path` when it is whole and is removed on an error. A link stays, and
    its target is written; a device or a pipe is its own draft, because a file in its place would destroy
    it."""
    place = real_place(path)
    if path.exists() and not path.is_file():  # not `place`: /dev/stdout leads to a pipe that has no path
        yield path
        return
    draft = place.with_name(place.name + ".tmp")
    try:
        yield draft
        draft.replace(place)
        sync_folder(place.parent)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


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
