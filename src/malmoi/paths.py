"""Paths and names as text.

A name whose bytes are not UTF-8 (from an old Windows archive, say) reaches Python with a lone surrogate for
each such byte (PEP 383). Such a string names its file everywhere inside; JSON keeps it by escapes
(`json_files`); people are shown `readable`, and libraries that want UTF-8 get `utf8_path`.
"""

from __future__ import annotations

import re
import shlex
import tempfile
import unicodedata
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

_BYTE = re.compile("[\udc80-\udcff]")
_HALF = re.compile("[\ud800-\udfff]")  # of a surrogate pair, as JSON may hold it
# A name is read whole: of its bytes some are UTF-8 by chance (큰 in CP949 is ū). Failing that, word by word.
_NAMES = (re.compile("[^\0-\x1f\"'/:<>]+"), re.compile(r"[^\s\"'/:<>]+"))
LONGEST = 200  # bytes: most file systems take 255, and .NAME.before is a name too
UNSEEN = ("Cc", "Cs", "Zl", "Zp")
# What Windows and exFAT keep for themselves; folders travel on such disks.
_FOREIGN = set('/\\<>:"|?*')
_RESERVED = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def readable(text: str) -> str:
    """Text that people can read and terminals print. A name that is no UTF-8 is read as CP949, as which
    old disks hold Korean names, and shows its bytes as `\\xB0` where that fails too."""
    for names in _NAMES:
        if _BYTE.search(text):
            text = names.sub(_decoded, text)
    text = _BYTE.sub(lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02X}", text)
    return _HALF.sub("\ufffd", text)


def _decoded(found: re.Match[str]) -> str:
    name = found[0]
    try:
        return name.encode("utf-8", "surrogateescape").decode("cp949") if _BYTE.search(name) else name
    except UnicodeError:
        return name


@contextmanager
def utf8_path(path: Path) -> Iterator[str]:
    """The path for a library that takes UTF-8 only: itself, or else a link to it for the time being."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with tempfile.TemporaryDirectory() as folder:
            link = Path(folder) / f"link{path.suffix if path.suffix.isascii() else ''}"
            link.symlink_to(path.absolute())
            yield str(link)
    else:
        yield str(path)


def as_stored(path: Path) -> Path:
    """The path as the disk has it, for one the user typed: macOS writes Hangul as letters (NFD).

    The path itself where it exists; else with the names that are the same in NFC, as far as there are any.
    """
    if _exists(path):
        return path
    found = Path(path.anchor)
    for name in path.parts[len(found.parts) :]:
        if not _exists(found / name):
            try:
                inside = [one.name for one in found.iterdir()]
            except OSError:
                inside = []
            name = next((one for one in inside if composed(one) == composed(name)), name)
        found /= name
    return found


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # too long, not to be looked into, NUL
        return False


def plain_name(name: str) -> str:
    """A name made of a file's, so that a folder can bear it: composed, readable, without odd characters."""
    shown = composed(readable(name))
    kept = "".join(c for c in shown if c not in _FOREIGN and unicodedata.category(c) not in UNSEEN)
    kept = kept.encode()[: LONGEST - 1].decode("utf-8", "ignore").lstrip(". ")
    kept = re.sub(r"(?:\.tmp|[. ])+$", "", kept)
    return kept if can_be_folder(kept) else f"_{kept}"


def composed(name: str) -> str:
    """A name in NFC: a syllable typed as its letters is the same name."""
    return unicodedata.normalize("NFC", name)


def shell_word(text: str | Path) -> str:
    """The text as one word of a command line (bash, zsh), for commands to copy. Hangul needs no quotes; what
    cannot be typed, as the bytes of a name that is no UTF-8, stands as `$'\\xB0'`."""
    text = str(text)
    if re.fullmatch(r"[\w@%+=:,./-]+", text):
        return text
    if text.isprintable():
        return shlex.quote(text)
    return "$'" + "".join(map(_typed, text)) + "'"


def _typed(character: str) -> str:
    if character.isprintable():
        return f"\\{character}" if character in "'\\" else character
    return "".join(f"\\x{byte:02X}" for byte in character.encode("utf-8", "surrogateescape"))


def shown_name(name: str) -> str:
    """A name for a message, its control characters visible."""
    return name if name.isprintable() else repr(name)


def can_be_folder(name: str) -> bool:
    """Whether a name of the user's may become a folder among artifacts, on any disk.

    An artifact being written ends in .tmp, one being replaced starts with a dot; a manifest beside the
    folders would make them one artifact.
    """
    return (
        bool(name)
        and len(name.encode("utf-8", "surrogatepass")) <= LONGEST
        and name.strip(" ") == name
        and not name.startswith(".")
        and not name.endswith((".", ".tmp"))
        and name.casefold() != "manifest.json"
        and not _RESERVED.fullmatch(name)
        and not any(c in _FOREIGN or unicodedata.category(c) in UNSEEN for c in name)
    )


def first_unusable(names: Iterable[str]) -> str | None:
    """The first name that cannot be a folder, or would be one folder with a name before it: Plain and plain
    are one on macOS, and so are a syllable and its letters."""
    folders: set[str] = set()
    for name in names:
        folder = composed(composed(name).casefold())
        if not can_be_folder(name) or folder in folders:
            return name
        folders.add(folder)
    return None
