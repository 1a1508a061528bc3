"""The shards artifact as its readers see it: memory-mapped arrays per part, checked before use.

Reads a folder, gives `Shards`. Imports numpy and the root files only, so a bare training machine can open it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from malmoi.artifact.finished import Manifest, open_artifact
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.json_files import read_object
from malmoi.paths import as_stored
from malmoi.shards.counts import ShardsCounts
from malmoi.shards.faults import check_part
from malmoi.shards.part import STARTS_MORPHEME, STARTS_WORD, Part
from malmoi.special import SpecialIds
from malmoi.tokenizer.kinds import kind_of

__all__ = ["STARTS_MORPHEME", "STARTS_WORD", "Part", "Shards"]

ARRAYS = ("ids", "flags", "sentences", "documents")


@dataclass(frozen=True)
class Shards:
    """An opened shards artifact."""

    folder: Path
    train: tuple[Part, ...]
    heldout: tuple[Part, ...]
    counts: ShardsCounts
    digest: str

    @classmethod
    def open(cls, folder: Path, verify: bool = False) -> Shards:
        """Open and check a shards folder; `verify` hashes every file and checks every id and offset.

        Raises MM0010-MM0013 (no such artifact, damaged, another stage's, changed), MM0301 (an unreadable
        array), MM0302 (arrays that contradict each other), MM0303 (ids beyond the vocabulary), MM0031 (a
        manifest of another version).
        """
        folder = as_stored(Path(folder))
        manifest = open_artifact(folder, "shards", verify=verify)
        _allow_many_files()
        counts = ShardsCounts.of(manifest, folder)
        vocab_size = counts.vocab_size
        parts = [open_part(folder / name, vocab_size) for name in _part_names(manifest)]
        kind = kind_of(read_object(folder / "tokenizer" / "malmoi.json", absent={}))
        for part in parts if verify else ():
            check_part(folder / part.name, part, vocab_size, analyzed=kind.starts_morphemes)
        return cls(
            folder=folder,
            train=tuple(p for p in parts if p.name.startswith("part-")),
            heldout=tuple(p for p in parts if p.name.startswith("heldout-")),
            counts=counts,
            digest=manifest.digest,
        )

    @property
    def vocab_size(self) -> int:
        return self.counts.vocab_size

    @property
    def special(self) -> SpecialIds:
        return self.counts.special

    @property
    def tokenizer_digest(self) -> str:
        return self.counts.tokenizer_digest

    @property
    def tokenizer_folder(self) -> Path:
        """The copy of the tokenizer's files that travels with the shards."""
        return self.folder / "tokenizer"


def ids_dtype(vocab_size: int) -> type[np.unsignedinteger[Any]]:
    """uint16 where every id fits (65,535 entries and fewer), else uint32."""
    return np.uint16 if vocab_size <= 65_535 else np.uint32


def tokenizer_digest(folder: Path) -> str:
    """SHA-256 of what decides ids: the vocabulary's entries in order, and how text is normalised or analyzed.

    Not of tokenizer.json's bytes, because other tools rewrite that file without changing an id.
    Raises MM0304 where the folder holds no vocabulary.
    """
    about = read_object(folder / "malmoi.json", absent={})
    kind = kind_of(about)
    if kind.by_entries:
        return _entries_digest(folder, about.get("words") or [])
    try:
        parts = [hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in kind.files]
    except OSError:
        raise MalmoiError(Code.VOCABULARY_MISSING, folder) from None
    if kind.deciding and about.get("spaces") != "one":  # a peer's: all that its file says
        state = read_object(folder / "tokenizer.json", absent={})
        if not state:
            raise MalmoiError(Code.VOCABULARY_MISSING, folder)
        parts.append(json.dumps([state.get(name) for name in kind.deciding], sort_keys=True))
    named = ("kind", "special", "analyzer", "form", "words", "spaces")
    told = {name: about[name] for name in named if name in about}
    return hashlib.sha256(json.dumps([told, parts], ensure_ascii=False).encode()).hexdigest()


def _entries_digest(folder: Path, words: list[str]) -> str:
    try:
        entries = (folder / "vocab.txt").read_bytes().decode().replace("\r\n", "\n").removesuffix("\n")
    except (OSError, UnicodeDecodeError):
        raise MalmoiError(Code.VOCABULARY_MISSING, folder) from None
    settings = read_object(folder / "tokenizer_config.json", absent={})
    lower = [settings.get("do_lower_case", False), settings.get("strip_accents", False)]
    parts: list[Any] = [entries, lower]
    if not settings.get("tokenize_chinese_chars", True):
        parts.append("hanja are not words of their own")
    if words:
        parts.append({"words": sorted(map(str, words))})
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


def check_tokenizer(shards: Shards, folder: Path) -> None:
    """Raises MM0305 unless `folder` holds the tokenizer these shards were made with."""
    if tokenizer_digest(folder) != shards.tokenizer_digest:
        raise MalmoiError(Code.SHARDS_OF_OTHER_TOKENIZER, folder, shards=shards.folder)


def _part_names(manifest: Manifest) -> list[str]:
    return sorted({Path(name).parts[0] for name in manifest.files if name.endswith("ids.npy")})


def _allow_many_files() -> None:
    """Raise this process's limit on open files as far as the system lets it.

    A mapped array holds a descriptor: 4 a part here and 3 more in pretraining's tables of rows, so that the
    usual limit of 1,024 is met at 146 parts, and each corpus file is at least one part. 2^20 descriptors do
    for 149,000 parts; more makes programs slow that close all descriptors one by one. macOS grants 10,240.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    for most in (1 << 20, 10_240):
        wanted = most if hard == endless else min(hard, most)
        if soft == endless or wanted <= soft:
            return
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        except (ValueError, OSError):
            continue
        return


def open_part(folder: Path, vocab_size: int) -> Part:
    """Map one part's arrays anew. Raises MM0301, MM0302."""
    arrays = {name: _open_array(folder / f"{name}.npy") for name in ARRAYS}
    part = Part(folder.name, **arrays)
    wanted = {"ids": ids_dtype(vocab_size), "flags": np.uint8, "sentences": np.int64, "documents": np.int64}
    for name, array in arrays.items():
        if array.ndim != 1 or array.dtype != wanted[name]:
            raise MalmoiError(
                Code.ARRAYS_CONTRADICT, folder / f"{name}.npy", detail=f"{array.dtype}{list(array.shape)}"
            )
    total = len(part.ids)
    if len(part.flags) != total:
        raise MalmoiError(Code.ARRAYS_CONTRADICT, folder / "flags.npy", detail=f"{len(part.flags)} ≠ {total}")
    for name in ("sentences", "documents"):
        offsets = arrays[name]
        if len(offsets) < 2 or offsets[0] != 0 or offsets[-1] != total:
            ends = "[]" if not len(offsets) else f"{offsets[0]} … {offsets[-1]}"
            raise MalmoiError(Code.ARRAYS_CONTRADICT, folder / f"{name}.npy", detail=f"{ends} ≠ 0 … {total}")
    return part


def _open_array(path: Path) -> NDArray[Any]:
    try:
        # allow_pickle=False: a shards folder may come from a stranger.
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise MalmoiError(Code.ARRAY_UNREADABLE, path, detail=str(error).splitlines()[0]) from None
    return array
