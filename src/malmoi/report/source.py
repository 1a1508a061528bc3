"""A pretraining run's batches, made again from its manifest and its shards, or only from settings.

A batch is a pure function of (shards, settings, k), so a run need not have recorded anything.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import ValidationError
from torch import Tensor

from malmoi.artifact.finished import MANIFEST, read_manifest
from malmoi.errors import MalmoiError
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.packing import RowTable, cut_rows, table_fault
from malmoi.pretrain.run import OBJECTIVES
from malmoi.report.folder import PretrainRun
from malmoi.shards.format import Shards
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.base import Tokenizer

I64 = NDArray[np.int64]
MASKED = ("masked_ids_T", "inputs.ids_T")
"""The tensor of a batch that holds the ids as the network reads them: ELECTRA's, the masked LM's."""


@dataclass(frozen=True)
class Source:
    """Batches that can be made again."""

    config: RunConfig
    shards: Shards
    feed: Feed[Any]
    tokenizer: Tokenizer

    def setting(self, name: str) -> Any:
        return getattr(self.config.pretrain, name)


def make_source(config: RunConfig, shards: Shards, tables: Path | None = None) -> Source:
    """The batches of these settings over these shards; rows are cut in memory if `tables` has none, so that
    nothing is written into anybody's folder."""
    settings = config.pretrain
    row_len = settings.row_len
    if tables and all(table_fault(tables / str(row_len) / part.name) is None for part in shards.train):
        table = RowTable.open(shards.train, row_len, tables / str(row_len))
    else:
        cuts = [cut_rows(part.sentences, part.documents, row_len) for part in shards.train]
        table = RowTable(shards.train, cuts, row_len)
    objective = OBJECTIVES[settings.objective](config, shards.special, shards.vocab_size)
    whole_batches = settings.model_copy(update={"micro_batch_size": 0})
    feed: Feed[Any] = feed_of(whole_batches, table, objective, shards.special)
    return Source(config, shards, feed, load_tokenizer(shards.tokenizer_folder, encodes=False))


def open_source(run: PretrainRun, shards: Shards | None = None) -> Source | str:
    """What a run's batches are made of, or a key of the catalog that says why they cannot be made again.
    If no shards are given, they are looked for."""
    try:
        config = RunConfig.model_validate(run.manifest.config)
    except ValidationError:
        return "report.diff.other_version"
    found = shards or find_shards(run)
    if found is None:
        return "report.diff.no_shards"
    tables = run.folder / "rows" / found.digest[:16]
    if (run.folder / "rows").is_dir() and not tables.is_dir():
        return "report.diff.other_shards"
    return make_source(config, found, tables)


def find_shards(run: PretrainRun) -> Shards | None:
    """The shards a run read: where its manifest says, or beside it, where `malmoi run` puts them. Those with
    the digest that the run's table of rows is named after come first. If none have it, others at that place
    are returned, and the caller reports that they have changed.
    """
    home = run.folder.resolve()
    recorded = str(run.manifest.counts.get("shards") or "")
    known = run.digests()
    places = [Path(recorded)] if recorded else []
    strangers = []
    for near in (home.parent / "shards", home.parents[1] / "shards"):
        places += [near, *([near / Path(recorded).name] if recorded else [])]
        strangers += sorted(path.parent for path in near.glob(f"*/{MANIFEST}"))
    fits = [place for place in (*places, *strangers) if _digest(place)[:16] in known]
    for place in (*fits, *places):
        try:
            return Shards.open(place)
        except MalmoiError:
            continue
    return None


def _digest(shards: Path) -> str:
    """Empty if there are no shards."""
    try:
        return read_manifest(shards, "shards").digest
    except MalmoiError:
        return ""


def tensors_of(batch: Any, prefix: str = "") -> dict[str, NDArray[Any]]:
    """Every array of a batch by dotted name."""
    found: dict[str, NDArray[Any]] = {}
    for field in fields(batch):
        value = getattr(batch, field.name)
        if is_dataclass(value):
            found |= tensors_of(value, f"{prefix}{field.name}.")
        elif isinstance(value, Tensor):
            found[prefix + field.name] = value.numpy()
    return found


def masked_ids(tensors: dict[str, NDArray[Any]], row_len: int) -> I64:
    """The ids of a batch as the network reads them, (R, L)."""
    ids = next(tensors[name] for name in MASKED if name in tensors)
    return np.asarray(ids, np.int64).reshape(-1, row_len)
