"""The text tokenizers are compared on: a corpus folder, or any file or folder the corpus stage reads.

A corpus gives its held-out documents, which no vocabulary was learned from; raw files are decoded (CP949,
UTF-16, NFD, .xz, csv, …) and composed as the corpus stage does it, but nothing is cleaned.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path
from typing import Literal

from malmoi.codes import Code
from malmoi.corpus.book import RowBook
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.documents import DOC
from malmoi.corpus.ingest import open_source, source_documents
from malmoi.corpus.inputs import find_sources
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.errors import MalmoiError
from malmoi.paths import as_stored
from malmoi.tokenizer.blocks import sample_blocks

Part = Literal["heldout", "training", "file"]


@dataclass(frozen=True, slots=True)
class Texts:
    """Documents as their lines, NFC, no line empty. `size` is their UTF-8 bytes without line ends."""

    path: Path
    part: Part
    documents: list[list[str]]

    @property
    def lines(self) -> list[str]:
        return [line for document in self.documents for line in document]

    @property
    def size(self) -> int:
        return sum(len(line.encode()) for line in self.lines)


def read_texts(path: Path, mb: float) -> Texts:
    """About `mb` MB: of a corpus spread evenly over it, of raw files from their beginning.

    Raises MM0250 where there is no text, and the corpus readers' own (MM0101-MM0111, MM0214).
    """
    path = as_stored(path)
    budget = int(mb * 1_000_000)
    for part, files in (("heldout", heldout_parts(path)), ("training", training_parts(path))):
        documents = list(_split("".join(sample_blocks(files, budget))))
        if documents:
            return Texts(path, part, documents)  # type: ignore[arg-type]
    documents = list(_take(_raw_documents(path), budget)) if not _is_corpus(path) else []
    if not documents:
        raise MalmoiError(Code.NO_TEXT_TO_COMPARE, path)
    if len(documents) == 1:  # no blank line in all of it: a line is a document
        documents = [[line] for line in documents[0]]
    return Texts(path, "file", documents)


def _is_corpus(path: Path) -> bool:
    return bool(training_parts(path) or heldout_parts(path))


def _raw_documents(path: Path) -> Iterator[list[str]]:
    config = CorpusConfig(on_bad_file="skip")  # a broken row is no reason not to compare
    for source in find_sources([str(path)], path / ".none").sources:
        book = RowBook(source.path, {}, skip=True)
        for chunk in source_documents(open_source(source, config), source, config, book):
            for document in chunk.split(DOC):
                if lines := _lines(document):
                    yield lines


def _split(text: str) -> Iterator[list[str]]:
    return (lines for document in text.split("\n\n") if (lines := _lines(document)))


def _lines(document: str) -> list[str]:
    return [line for line in document.split("\n") if line.strip()]


def _take(documents: Iterable[list[str]], budget: int) -> Iterator[list[str]]:
    """Documents, the last one cut at a line, as many as the budget of bytes lets through."""
    for document in documents:
        ends = list(accumulate(len(line.encode()) for line in document))
        yield document[: bisect_left(ends, budget) + 1]
        budget -= ends[-1]
        if budget <= 0:
            return
