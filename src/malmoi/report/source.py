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

from malmoi.artifact.finished import MANIFEST
from malmoi.errors import MalmoiError
from malmoi.pretrain.config import RunConfig
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.packing import RowTable, cut_rows, table_fault
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.objectives.protocol import MicroBatch
from malmoi.report.folder import PretrainRun, read_by
from malmoi.shards.format import Shards
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.base import Tokenizer

I64 = NDArray[np.int64]


@dataclass(frozen=True)
class BatchSource:
    """Batches that can be made again."""

    config: RunConfig
    shards: Shards
    feed: Feed[Any]
    tokenizer: Tokenizer

    def setting(self, name: str) -> Any:
        return getattr(self.config.pretrain, name)


def make_source(config: RunConfig, shards: Shards, tables: Path | None = None) -> BatchSource:
    """The batches of these settings over these shards; rows are cut in memory if `tables` has none, so that
    nothing is written into anybody's folder."""
    settings = config.pretrain
    row_len = settings.row_len
    if tables and all(table_fault(tables / str(row_len) / part.name) is None for part in shards.train):
        table = RowTable.open(shards.train, row_len, tables / str(row_len))
    else:
        cuts = [cut_rows(part.sentences, part.documents, row_len) for part in shards.train]
        table = RowTable(shards.train, cuts, row_len)
    objective = OBJECTIVES[settings.objective.name].load()
    collator = objective.collator(config, shards.special, shards.vocab_size)
    whole_batches = settings.model_copy(update={"micro_batch_size": 0})
    feed: Feed[Any] = feed_of(whole_batches, table, collator, shards.special)
    return BatchSource(config, shards, feed, load_tokenizer(shards.tokenizer_folder, encodes=False))


def open_source(run: PretrainRun, shards: Shards | None = None) -> BatchSource | str:
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
    if (known := run.digests()) and found.digest[:16] not in known:
        return "report.diff.other_shards"
    return make_source(config, found, tables)


def find_shards(run: PretrainRun) -> Shards | None:
    """The shards a run read: where its manifest says, or beside it, where `malmoi run` puts them.

    If none have the digest any more, those are returned that its place and name point to, and the caller
    reports that they have changed.
    """
    home = run.folder.resolve()
    places = [Path(run.counts.shards)]
    for near in (home.parent / "shards", home.parents[1] / "shards"):
        places += [near, *sorted(path.parent for path in near.glob(f"*/{MANIFEST}"))]
    for place in read_by(run, places):
        try:
            return Shards.open(place)
        except MalmoiError:
            continue
    return None


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


def shown_ids(batch: MicroBatch) -> I64:
    """The ids of a batch as the network reads them, (R, L)."""
    return np.asarray(batch.shown_T.numpy(), np.int64).reshape(len(batch.rows_R), -1)
