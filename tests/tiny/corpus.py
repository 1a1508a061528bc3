"""Corpora: built from raw files by the stage, or texts laid down as they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from malmoi.artifact.finished import finished_artifact
from malmoi.config import Section
from malmoi.context import Context
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.read import heldout_parts, training_parts


def build(out: Path, *inputs: Path, workers: int = 1, **config: Any) -> list[list[str]]:
    """The documents of the corpus that the stage makes of files, as lists of sentences, training first."""
    settings = CorpusConfig(inputs=[str(path) for path in inputs], **({"heldout": 0} | config))
    build_corpus(settings, out, Context(workers=workers))
    return read(out)


def read(corpus: Path) -> list[list[str]]:
    parts = training_parts(corpus) + heldout_parts(corpus)
    documents = [d for part in parts for d in part.read_text("utf-8").rstrip("\n").split("\n\n")]
    return [document.split("\n") for document in documents]


def make_corpus(folder: Path, parts: list[str], heldout: list[str]) -> Path:
    """A corpus artifact with these texts as its files."""
    with finished_artifact(folder, "corpus", Section(), str(hash((*parts, *heldout)))) as draft:
        for kind, texts in (("part", parts), ("heldout", heldout)):
            for index, text in enumerate(texts):
                (draft.path / f"{kind}-{index:05d}.txt").write_text(text, "utf-8")
    return folder
