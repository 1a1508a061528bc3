"""The rows of a league: checkpoints by name, and what each is compared with."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.artifact.finished import digest_json
from malmoi.errors import MalmoiError
from malmoi.finetune.start import Start, pretrained, pretraining_run, without_pretraining
from malmoi.league.config import CHARACTERS, NO_PRETRAINING
from malmoi.model.sizes import EncoderConfig
from malmoi.paths import composed, readable

_USABLE = re.compile(r"[\w가-힣][\w가-힣.+-]*")
_SAY_NOTHING = ("checkpoints", "pretrain", "model")


@dataclass(frozen=True, slots=True)
class Contender:
    """One row.

    Attributes:
        start: None for the character n-grams.
        against: the row of the same shape with new weights.
        run: the pretraining run the checkpoint was taken from, where the user gave one.
    """

    name: str
    start: Start | None
    against: str | None = None
    run: Path | None = None


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
            raise MalmoiError("MM0704", name=name)
        if name in named or name == CHARACTERS or name.startswith(NO_PRETRAINING):
            raise MalmoiError("MM0702", path, name=name)
        named[name] = path
    if not named:
        raise MalmoiError("MM0703")
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


def contenders(checkpoints: Mapping[str, Path], *, no_pretraining: bool, characters: bool) -> list[Contender]:
    """Every row, baselines last. Checkpoints of one shape and tokenizer share one row of new weights."""
    rows: list[Contender] = []
    fresh: dict[str, Contender] = {}
    for name, path in checkpoints.items():
        start = pretrained(path)
        against = None
        if no_pretraining:
            new = without_pretraining(start)
            like = digest_json(new.names(new.inputs(path)))
            if like not in fresh:
                plain = _plain_name(start.shape)
                taken = any(row.name == plain for row in fresh.values())  # same shape, another tokenizer
                fresh[like] = Contender(f"{plain}-{name}" if taken else plain, new)
            against = fresh[like].name
        rows.append(Contender(name, start, against, pretraining_run(path)))
    rows += fresh.values()
    return [*rows, Contender(CHARACTERS, None)] if characters else rows
