"""`malmoi.json`, what a tokenizer's folder says of itself, and the JSON settings beside it.

A folder that a stage has written is sealed: the digests of the files that decide ids stand in it, because a
vocabulary edited later gives other ids without any other sign.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from malmoi.artifact.disk import write_json
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import JsonError, kind_of, read_json, reason
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.kinds import KINDS

ABOUT = "malmoi.json"
SHAPES: dict[str, Any] = {"files": dict, "words": list, "analyzer": dict | None, "learned": int, "kind": str}
SPACES = ("one", "kept")
NORMALIZED = ("NFC", "NFC, one spelling of Hangul")
MADE_WITH = ("kind", "analyzer", "form", "inside")


def read_settings(file: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file. MM0203: not JSON, or no object."""
    try:
        settings = read_json(file)
    except FileNotFoundError:
        return {}
    except (JsonError, OSError) as error:
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=reason(error)) from None
    if not isinstance(settings, dict):
        raise MalmoiError(Code.NOT_A_TOKENIZER, file, found=f"{kind_of(settings)} ≠ {kind_of({})}")
    return settings


def read_about(folder: Path) -> dict[str, Any]:
    """What malmoi.json says of a tokenizer. Raises MM0203 for an entry of another shape."""
    about = read_settings(folder / ABOUT)
    odd = [name for name, kind in SHAPES.items() if name in about and not isinstance(about[name], kind)]
    odd += ["spaces"] * (about.get("spaces", "one") not in SPACES)
    odd += ["normalize"] * (about.get("normalize", "NFC") not in NORMALIZED)
    if not odd and not all(isinstance(word, str) for word in about.get("words", ())):
        odd = ["words"]
    if odd:
        raise MalmoiError(Code.NOT_A_TOKENIZER, folder / ABOUT, found=odd[0])
    return about


def write_about(folder: Path, tokenizer: Tokenizer, words: Sequence[str] = (), **more: Any) -> None:
    """Write malmoi.json: what all kinds have, the user's words where there are some, and `more`."""
    about = {
        "kind": tokenizer.kind,
        "vocab_size": tokenizer.vocab_size,
        "learned": tokenizer.learned,
        "normalize": NORMALIZED[tokenizer.one_spelling],
        **more,
        **({"words": list(words)} if words else {}),
    }
    write_json(folder / ABOUT, about)


def seal(folder: Path) -> None:
    """Write the digests of the files that decide ids into malmoi.json. Not of tokenizer.json, where those
    same entries stand again: transformers rewrites it without changing an id."""
    about = read_settings(folder / ABOUT)
    kind = KINDS[str(about["kind"])]
    files = {name: _digest(folder / name) for name in kind.files if (folder / name).exists()}
    write_json(folder / ABOUT, about | {"files": files})


def check_seal(folder: Path) -> None:
    """Raise MM0203 where malmoi.json is not of the right shape, MM0310 for the first file that is not the one
    the folder was sealed with. Files that are gone are left to the opener, which may do without."""
    about = read_about(folder)
    known = {file for kind in KINDS.values() for file in kind.files}
    if strange := sorted(set(about.get("files", {})) - known):
        raise MalmoiError(Code.NOT_A_TOKENIZER, folder / ABOUT, found=f"files: {strange[0]}")
    for name, digest in about.get("files", {}).items():
        if (folder / name).exists() and _digest(folder / name) != digest:
            raise MalmoiError(Code.TOKENIZER_CHANGED, folder / name, about=folder / ABOUT)


def _digest(file: Path) -> str:
    data = file.read_bytes()
    # Git on Windows may have changed the ends of lines, which every reader takes off.
    return hashlib.sha256(data if file.suffix == ".model" else data.replace(b"\r\n", b"\n")).hexdigest()


def made_with(folder: Path) -> dict[str, Any]:
    """The recipe and the analyzer of a tokenizer's folder, for the manifests of what it is used for."""
    about = read_settings(folder / ABOUT)
    return {name: about[name] for name in MADE_WITH if name in about}
