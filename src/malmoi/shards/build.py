"""The shards stage: a corpus and a tokenizer in, memory-mapped token ids out, slice by slice on all cores.

A slice is some megabytes of one corpus file, cut between documents; a finished slice survives a cut build.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from malmoi.artifact.disk import real_place
from malmoi.artifact.finished import (
    FileRecord,
    Manifest,
    artifact_key,
    finished_artifact,
    is_current,
    open_artifact,
    read_manifest,
    warn_versions,
)
from malmoi.codes import Code
from malmoi.context import Context
from malmoi.corpus.products import drop_left_over, drop_work, link
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.progress import Reporter
from malmoi.shards.config import ShardsConfig
from malmoi.shards.counts import PartCounts, ShardsCounts, summed
from malmoi.shards.encode import EncodeSpec, encode_slice, forget
from malmoi.shards.format import ARRAYS, tokenizer_digest
from malmoi.slices import Slice, run_slices
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.about import made_with, seal
from malmoi.tokenizer.blocks import MB

MANY_UNKNOWN = 0.01
SLICES, SMALLEST = 16, 8 * MB
"""A small corpus is cut into 16 slices of at least 8 MB (a third of a second): five slices of 64 MB would
keep two workers busy 3 : 2, and the second core bring 1.67x."""
_SEARCH = 1_000_000


def build_shards(
    config: ShardsConfig,
    corpus: Path,
    tokenizer: Path,
    out: Path,
    context: Context = Context(),
) -> Manifest:
    """Encode a corpus artifact with a tokenizer (an artifact, or a peer's files) into a shards artifact.

    Raises MM0306 (no tokens at all), MM0214 (not UTF-8), MM0215 (a peer's tokenizer puts no [CLS] and [SEP]
    around a text), and those of `load_tokenizer` and artifacts; warns MM0307 (more than 1 % [UNK]), and once
    each what slices warned of: MM0209 (tokie is not exact on this text, so it was not used), MM0227 (the
    cache of analyses is damaged).
    """
    out, corpus, tokenizer = real_place(out), as_stored(corpus), as_stored(tokenizer)
    source = open_artifact(corpus, "corpus", verify=context.verify)
    warn_versions(corpus, source, context.reporter)
    opened = load_tokenizer(tokenizer, reporter=context.reporter, engine=config.engine, encodes=False)
    if refused := opened.refusals[0]:  # pretraining puts [CLS] and [SEP] into every row
        raise refused
    # Shards that are done need no analyzer. Shards to build need it now, and it may be another version.
    for ready in (False, True):
        if ready:
            opened.load()
        digest = _digest_of(opened)
        key = artifact_key("shards", config, {"corpus": source.digest, "tokenizer": digest})
        if is_current(out, "shards", key, context):
            context.reporter.say("base.current", path=out)
            return read_manifest(out)
    with finished_artifact(out, "shards", config, key, origins=context.origins) as draft:
        for left_over in [*draft.path.glob("part-*"), *draft.path.glob("heldout-*")]:
            shutil.rmtree(left_over)  # put in place by a build that was cut while it did so
        drop_left_over(draft.path)
        opened.save(draft.path / "tokenizer")
        seal(draft.path / "tokenizer")
        slices = [
            *_slices("part", training_parts(corpus), source.files, draft.path, config, digest),
            *_slices("heldout", heldout_parts(corpus), source.files, draft.path, config, digest),
        ]
        total = sum(piece.weight for piece in slices)
        # For less, other processes take longer to start than the text does.
        workers = context.workers or (context.cores if total > SMALLEST else 1)
        with context.reporter.step("shards.encoding", total=total, unit="B") as step:
            counts = run_slices(encode_slice, slices, draft.path / "slices", workers=workers, step=step)
        forget()
        parts = _collect(draft.path, slices, counts)
        if not any(part.name.startswith("part-") for part in parts):
            raise MalmoiError(Code.NO_TOKENS, corpus)
        draft.counts |= ShardsCounts(
            tokenizer=made_with(draft.path / "tokenizer"),
            vocab_size=opened.vocab_size,
            special=opened.special,
            tokenizer_digest=digest,
            train=summed(parts, "part"),
            heldout=summed(parts, "heldout"),
            parts=tuple(parts),
        ).as_json()
    _warn(context.reporter, parts, str(out))
    return read_manifest(out)


def _digest_of(tokenizer: Tokenizer) -> str:
    with tempfile.TemporaryDirectory() as folder:
        tokenizer.save(Path(folder))
        return tokenizer_digest(Path(folder))


def _slices(
    kind: str,
    files: list[Path],
    records: dict[str, FileRecord],
    draft: Path,
    config: ShardsConfig,
    digest: str,
) -> Iterator[Slice[EncodeSpec]]:
    total = sum(file.stat().st_size for file in files)
    most = min(config.slice_mb * MB, max(SMALLEST, total // SLICES))
    for file in files:
        size = file.stat().st_size
        for start, end in cut_file(file, -(-size // max(1, -(-size // most)))):
            key = {"sha256": records[file.name].sha256, "range": [start, end], "tokenizer": digest}
            spec = EncodeSpec(file, start, end, draft / "tokenizer", config.engine, digest)
            yield Slice(f"{kind}-{file.stem}-{start}", spec, key, weight=end - start, label=file.name)


def cut_file(file: Path, size: int) -> list[tuple[int, int]]:
    """Byte ranges of about `size` that cover a corpus file and start where documents do."""
    end = file.stat().st_size
    bounds = [0]
    with file.open("rb") as stream:
        while bounds[-1] + size < end:
            bounds.append(_document_start(stream, bounds[-1] + size, end))
    bounds.append(end)
    return [(a, b) for a, b in pairwise(bounds) if a < b]


def _document_start(stream: Any, offset: int, end: int) -> int:
    """The first byte behind a blank line at or after `offset`; the end of the file where there is none."""
    stream.seek(offset - 2)
    at, window = offset - 2, b""
    while block := stream.read(_SEARCH):
        window = window[-1:] + block
        if (found := window.find(b"\n\n")) >= 0:
            return int(at + len(block) - len(window) + found + 2)
        at += len(block)
    return end


def _collect(draft: Path, slices: list[Slice[EncodeSpec]], counts: list[dict[str, Any]]) -> list[PartCounts]:
    """Link finished slices into place as part-00000 … and heldout-00000 …, but for those without tokens."""
    parts: list[PartCounts] = []
    for piece, count in zip(slices, counts, strict=True):
        if not count["tokens"]:
            continue
        kind = piece.name.partition("-")[0]
        name = f"{kind}-{sum(part.name.startswith(kind) for part in parts):05d}"
        (draft / name).mkdir()
        for array in ARRAYS:
            link(draft / "slices" / piece.name / f"{array}.npy", draft / name / f"{array}.npy")
        where = {"source": piece.spec.file.name, "bytes": [piece.spec.start, piece.spec.end]}
        parts.append(PartCounts(name=name, **where, **count))
    drop_work(draft / "slices")
    return parts


def _warn(reporter: Reporter, parts: list[PartCounts], where: str) -> None:
    tokens, unknown = sum(part.tokens for part in parts), sum(part.unk for part in parts)
    if unknown > MANY_UNKNOWN * tokens:
        reporter.warn(Code.MANY_UNK_IN_CORPUS, where, percent=f"{100 * unknown / tokens:.1f}")
    met: dict[str, dict[str, Any]] = {}
    for part in parts:
        met = part.warnings | met
    for code, told in met.items():
        reporter.warn(code, told["where"] or where, **told["values"])
