"""Several shards of one tokenizer in, one artifact out: parts under new numbers, their files hard-linked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

from malmoi.artifact.disk import real_place
from malmoi.artifact.finished import (
    MANIFEST,
    Manifest,
    artifact_key,
    finished_artifact,
    is_current,
    open_artifact,
    read_manifest,
    record_file,
)
from malmoi.codes import Code
from malmoi.context import Context
from malmoi.corpus.products import link
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.shards.config import ShardsConfig
from malmoi.shards.counts import PartCounts, summed
from malmoi.shards.format import ARRAYS, Shards


def merge_shards(
    sources: Sequence[Path],
    out: Path,
    context: Context = Context(),
) -> Manifest:
    """Merge shards in the order given: `out` has the training parts of all, and the held-out parts of all.

    A cut merge begins anew: links cost nothing. Where `out` lies on another disk, files are copied.
    Raises MM0311 (different tokenizers), MM0312 (the same shards twice), MM0313 (`out` is one of the
    sources), and those of artifacts and `Shards.open`.
    """
    out, sources = real_place(out), [as_stored(source) for source in sources]
    manifests = [open_artifact(source, "shards", verify=context.verify) for source in sources]
    opened = [Shards.open(source) for source in sources]
    for source in sources:
        if source.resolve() == out.resolve():
            raise MalmoiError(Code.MERGE_INTO_ITSELF, out)
    _check_mergeable(opened)
    names = [f"{number}:{source}" for number, source in enumerate(sources)]
    digests = {str(number): manifest.digest for number, manifest in enumerate(manifests)}
    config = ShardsConfig()
    key = artifact_key("shards", config, {"merged": "", **digests})
    if is_current(out, "shards", key, context):
        context.reporter.say("base.current", path=out)
        return read_manifest(out)
    inputs = {str(source / MANIFEST): record_file(source / MANIFEST) for source in sources}
    with finished_artifact(out, "shards", config, key, inputs=inputs) as draft:
        for left_over in draft.path.iterdir():
            if left_over.is_dir():
                shutil.rmtree(left_over)
        (draft.path / "tokenizer").mkdir()
        for file in sorted((sources[0] / "tokenizer").iterdir()):
            link(file, draft.path / "tokenizer" / file.name)
        parts = [part for kind in ("part", "heldout") for part in _place(kind, opened, draft.path)]
        draft.counts |= (
            opened[0]
            .counts.model_copy(
                update={
                    "train": summed(parts, "part"),
                    "heldout": summed(parts, "heldout"),
                    "parts": tuple(parts),
                    "merged": dict(zip(names, digests.values(), strict=True)),
                }
            )
            .as_json()
        )
    return read_manifest(out)


def _check_mergeable(opened: Sequence[Shards]) -> None:
    for one, other in combinations(opened, 2):
        both = {"first": one.folder, "second": other.folder}
        if one.digest == other.digest:
            raise MalmoiError(Code.SHARDS_TWICE, other.folder, **both)
        if one.tokenizer_digest != other.tokenizer_digest:
            digests = f"{one.tokenizer_digest[:16]} ≠ {other.tokenizer_digest[:16]}"
            raise MalmoiError(Code.SHARDS_OF_TWO_TOKENIZERS, other.folder, **both, digests=digests)


def _place(kind: str, opened: Sequence[Shards], draft: Path) -> list[PartCounts]:
    """Link all parts of a kind into the draft; their counts, with the shards each came from."""
    found: list[PartCounts] = []
    for shards in opened:
        for part in shards.counts.parts:
            if not part.name.startswith(kind):
                continue
            name = f"{kind}-{len(found):05d}"
            (draft / name).mkdir()
            for array in ARRAYS:
                link(shards.folder / part.name / f"{array}.npy", draft / name / f"{array}.npy")
            came = {"name": name, "from": f"{shards.folder}/{part.name}"}
            found.append(PartCounts(**part.as_json() | came))
    return found
