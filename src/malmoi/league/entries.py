"""The rows of a league: checkpoints by name, and what each is compared with."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pydantic import ValidationError

from malmoi.artifact.finished import digest_json, read_manifest
from malmoi.codes import Code
from malmoi.config import identity
from malmoi.errors import MalmoiError
from malmoi.finetune.start import Start, pretrained, pretraining_run, without_pretraining
from malmoi.league.config import CHARACTERS, NO_PRETRAINING
from malmoi.model.sizes import EncoderConfig
from malmoi.paths import composed, readable
from malmoi.pretrain.checkpoint import FOLDER
from malmoi.pretrain.config import RunConfig

_USABLE = re.compile(r"[\w가-힣][\w가-힣.+-]*")
_NUMBER = re.compile(r"(^|[-_.+ ])(seed|s)?[-_.+ ]?\d+$")
_SAY_NOTHING = ("checkpoints", "pretrain", "model")


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        start: None for the character n-grams.
        against: the row of the same shape with new weights.
        run: the pretraining run the checkpoint was taken from, where the user gave one.
        pool: the row of the table that it is part of, of pretrainings that differ in nothing but the seed.
        least: how many seeds it needs: as many as the pooled pretrainings that are compared with it.
    """

    name: str
    start: Start | None
    against: str | None = None
    run: Path | None = None
    pool: str = ""
    least: int = 1


def name_checkpoints(words: Sequence[str]) -> dict[str, Path]:
    """`NAME=DIR` or `DIR` as the user wrote them, by name; a bare folder is named after the part of its path
    that identifies it.

    `runs/wiki/pretrain` is `wiki`, `runs/wiki/pretrain/checkpoints/step-400` is `wiki-step-400`.
    Raises MM0702 (two with one name), MM0703 (none), MM0704 (a name that cannot be a folder's).
    """
    named: dict[str, Path] = {}
    for word in words:
        name, equals, folder = word.partition("=")
        path = Path(folder if equals else word)
        name = name if equals else _name(path)
        if not _USABLE.fullmatch(name):
            raise MalmoiError(Code.BAD_ENTRY_NAME, name=name)
        if name in named or name == CHARACTERS or name.startswith(NO_PRETRAINING):
            raise MalmoiError(Code.NAME_TAKEN, path, name=name)
        named[name] = path
    if not named:
        raise MalmoiError(Code.NO_ENTRIES)
    return named


def _name(path: Path) -> str:
    whole = Path(os.path.abspath(path))  # noqa: PTH100 - a link's own name is the user's
    parts = [composed(readable(part)) for part in whole.parts if part not in _SAY_NOTHING]
    if re.fullmatch(r"step-\d+", parts[-1]) and len(parts) > 1:
        return f"{parts[-2]}-{parts[-1]}"
    return parts[-1]


def _plain_name(shape: EncoderConfig) -> str:
    """`no-pretraining-4x256`, `no-pretraining-electra-12x256`: blocks x width, and the kind if not a BERT."""
    arch = "" if shape.arch == "bert" else f"-{shape.arch}"
    return f"{NO_PRETRAINING}{arch}-{shape.layers}x{shape.hidden}"


def entries(checkpoints: Mapping[str, Path], *, no_pretraining: bool, characters: bool) -> list[Entry]:
    """Every row, baselines last. Checkpoints of one shape and tokenizer share one row of new weights."""
    rows: list[Entry] = []
    fresh: dict[str, Start] = {}
    kinds: dict[str, str] = {}  # row → its key in `fresh`
    for name, path in checkpoints.items():
        rows.append(Entry(name, pretrained(path), None, pretraining_run(path)))
    pools = _pools(rows)
    rows = [replace(row, pool=pools.get(row.name, "")) for row in rows]
    for row in rows if no_pretraining else ():
        assert row.start is not None
        new = without_pretraining(row.start)
        kinds[row.name] = digest_json(new.names(new.inputs(checkpoints[row.name])))
        fresh.setdefault(kinds[row.name], new)
    plain = {like: _plain_name(new.shape) for like, new in fresh.items()}
    bases: dict[str, Entry] = {}
    for like, new in fresh.items():
        own = [row for row in rows if kinds[row.name] == like]
        alone = list(plain.values()).count(plain[like]) == 1  # else of one shape, and several tokenizers
        name = plain[like] if alone else f"{plain[like]}-{own[0].pool or own[0].name}"
        least = max(Counter(row.pool for row in own if row.pool).values(), default=1)
        bases[like] = Entry(name, new, least=least)
    rows = [replace(row, against=bases[kinds[row.name]].name) for row in rows] if bases else rows
    rows += bases.values()
    return [*rows, Entry(CHARACTERS, None)] if characters else rows


def _pools(rows: Sequence[Entry]) -> dict[str, str]:
    """Row → the name of its pool: pretrainings by one recipe, stopped at the same step, each with a seed of
    its own. A difference between recipes shows over these, not over fine-tunings of one checkpoint."""
    alike: dict[str, dict[str, int]] = {}
    for row in rows:
        if (found := _recipe_and_seed(row.start)) is not None:
            recipe, seed = found
            alike.setdefault(recipe, {})[row.name] = seed
    pools: dict[str, str] = {}
    for seeds in alike.values():
        if 1 < len(seeds) == len(set(seeds.values())):
            taken = {*(row.name for row in rows), *pools.values()}
            pools |= dict.fromkeys(seeds, _pool_name(list(seeds), taken))
    return pools


def _pool_name(names: list[str], taken: Collection[str]) -> str:
    """`plain` of plain-0, plain-1 and plain-seed2; the first and the last name if there is no such part."""
    begins = {_NUMBER.sub("", name) for name in names}
    return min(begins) if len(begins) == 1 and not begins & {"", *taken} else f"{names[0]} … {names[-1]}"


def _recipe_and_seed(start: Start | None) -> tuple[str, int] | None:
    """What a checkpoint's pretraining was, except for the seed; None if no manifest says."""
    if start is None or start.weights is None or start.weights.parent.name != FOLDER:
        return None
    try:
        manifest = read_manifest(start.weights.parents[1], "pretrain")
        told = identity(RunConfig.model_validate(manifest.config))
    except (MalmoiError, ValidationError):  # another version's
        return None
    seed = int(told["pretrain"].pop("seed"))
    read = sorted(record.sha256 for record in manifest.inputs.values())
    return digest_json([told, read, manifest.counts.get("precision"), start.weights.name]), seed
