"""`write_sample`: a seed goes in, a folder with a messy corpus and three labelled sets comes out, the same
bytes on every platform. It is an artifact like any other: written aside, renamed when whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import Field

from malmoi.artifact.disk import real_place
from malmoi.artifact.finished import (
    MANIFEST,
    Manifest,
    artifact_key,
    finished_artifact,
    is_current,
    read_manifest,
)
from malmoi.codes import Code
from malmoi.config import Section
from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.sample.files import CORPUS_FILES, take
from malmoi.sample.labelled import nsmc, question_pairs, sts
from malmoi.sample.lexicon import load
from malmoi.sample.world import make_world

STAGE = "sample"
# Raised whenever the same seed writes other bytes: an older folder is then written anew.
VERSION = 1
NSMC_NAMES = {"train": "ratings_train.txt", "test": "ratings_test.txt"}


class SampleConfig(Section):
    """What decides the bytes of the sample."""

    seed: int = Field(
        7, description="Another seed writes other sentences about another invented country.", ge=0
    )
    version: int = Field(VERSION, description="Version of the grammar and the lexicon.")


def write_sample(out: Path, context: Context = Context(), *, seed: int = 7) -> Manifest:
    """Write the sample to `out` (about 6 MB), or leave it where the same stands there already.

    Raises MM0901 where `out` holds files that are not the sample's, MM0015 and MM0016 where it cannot write.
    """
    out = real_place(out)
    config = SampleConfig(seed=seed)
    key = artifact_key(STAGE, config, {})
    if out.exists():
        _refuse_strangers(out)
        if is_current(out, STAGE, key, context):
            context.reporter.say("base.current", path=out)
            return read_manifest(out)
    with finished_artifact(out, STAGE, config, key, seed=seed) as draft:
        total = sum(file.size for file in CORPUS_FILES)
        with context.reporter.step("sample.writing", total=total, unit="B") as step:
            size = 0
            for name, data in sample_files(seed):
                path = draft.path / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
                size += len(data)
                file = next((f for f in CORPUS_FILES if name == f"corpus/{f.name}"), None)
                step.advance(file.size if file else 0, name)
        draft.counts["bytes"] = size
    return read_manifest(out)


def _refuse_strangers(out: Path) -> None:
    """A folder is ours if its manifest says so and it holds no file that the manifest does not list."""
    if out.is_file():
        raise MalmoiError(Code.SAMPLE_WOULD_OVERWRITE, out, found=out.name)
    found = [path for path in sorted(out.rglob("*")) if path.is_file()]
    if not found:
        return
    ours: set[str] = set()
    if (out / MANIFEST).exists():
        manifest = read_manifest(out)
        ours = {MANIFEST, f"{MANIFEST}.tmp", *manifest.files} if manifest.stage == STAGE else set()
    for path in found:
        if path.relative_to(out).as_posix() not in ours:
            raise MalmoiError(Code.SAMPLE_WOULD_OVERWRITE, out, found=path.relative_to(out).as_posix())


def sample_files(seed: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of every file of the sample, in the order they are written."""
    world = make_world(seed)
    for file in CORPUS_FILES:
        yield f"corpus/{file.name}", file.write(take(file, world, seed))
    for split, ratings in nsmc(world, seed).items():
        yield f"nsmc/{NSMC_NAMES[split]}", table(("id", "document", "label"), ratings)
    header = ("genre", "filename", "year", "id", "score", "sentence1", "sentence2")
    for split, pairs in sts(world, seed).items():
        yield f"korsts/sts-{split}.tsv", table(header, pairs)
    for split, questions in question_pairs(world, seed).items():
        yield f"question_pair/{split}.tsv", table(("question1", "question2", "is_duplicate"), questions)
    yield "README.txt", load("readme")["text"].format(seed=seed, version=VERSION).encode()


def table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> bytes:
    """Tab-separated, no quoting: a quote in a cell is a letter, as in the published files."""
    lines = ["\t".join(header), *("\t".join(str(cell) for cell in row) for row in rows)]
    return ("\n".join(lines) + "\n").encode()
