"""Several shards of one tokenizer in, one artifact out: parts under new numbers, their files hard-linked."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import Any

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
from malmoi.context import Context
from malmoi.corpus.products import link
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.shards.build import sums
from malmoi.shards.config import ShardsConfig
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
    for source in sources:
        Shards.open(source)
        if source.resolve() == out.resolve():
            raise MalmoiError("MM0313", out)
    _check_mergeable(sources, manifests)
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
        parts = [
            part for kind in ("part", "heldout") for part in _place(kind, sources, manifests, draft.path)
        ]
        told = ("tokenizer", "vocab_size", "special", "tokenizer_digest")
        draft.counts |= {name: manifests[0].counts[name] for name in told if name in manifests[0].counts}
        draft.counts |= sums(parts)
        draft.counts["merged"] = dict(zip(names, digests.values(), strict=True))
    return read_manifest(out)


def _check_mergeable(sources: Sequence[Path], manifests: Sequence[Manifest]) -> None:
    for (a, one), (b, other) in combinations(zip(sources, manifests, strict=True), 2):
        if one.digest == other.digest:
            raise MalmoiError("MM0312", b, first=a, second=b)
        found = [manifest.counts["tokenizer_digest"] for manifest in (one, other)]
        if found[0] != found[1]:
            digests = " ≠ ".join(digest[:16] for digest in found)
            raise MalmoiError("MM0311", b, first=a, second=b, digests=digests)


def _place(
    kind: str, sources: Sequence[Path], manifests: Sequence[Manifest], draft: Path
) -> list[dict[str, Any]]:
    """Link all parts of a kind into the draft; their counts, with the shards each came from."""
    found: list[dict[str, Any]] = []
    for source, manifest in zip(sources, manifests, strict=True):
        for part in manifest.counts["parts"]:
            if not part["name"].startswith(kind):
                continue
            name = f"{kind}-{len(found):05d}"
            (draft / name).mkdir()
            for array in ARRAYS:
                link(source / part["name"] / f"{array}.npy", draft / name / f"{array}.npy")
            found.append(part | {"name": name, "from": f"{source}/{part['name']}"})
    return found
