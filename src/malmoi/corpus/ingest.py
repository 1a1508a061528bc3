"""First pass: a group of input files in, slice files of normalised UTF-8 out, and a record of each file.

This pass streams, because a compressed file cannot be opened in the middle; after it, slices run in parallel.
Text is NFC, documents end with DOC, lines with "\\n". A file that turns out to be bad leaves nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.corpus.book import RowBook
from malmoi.corpus.config import AUTO, PLAIN, CorpusConfig
from malmoi.corpus.documents import DOC, row_documents, text_documents
from malmoi.corpus.inputs import NOT_YET, Source, not_yet
from malmoi.errors import MalmoiError
from malmoi.hangul.nfc import composed
from malmoi.readers import READERS
from malmoi.readers.choose import format_seen
from malmoi.readers.decode import Decoded

# What `on_bad_file = "skip"` forgives.
BAD_FILE = {
    Code.UNKNOWN_FORMAT,
    Code.UNKNOWN_ENCODING,
    Code.ARCHIVE_DAMAGED,
    Code.BINARY_FILE,
    Code.NO_TEXT_COLUMN,
    Code.COLUMN_MISSING,
    Code.COLUMN_TWICE,
    Code.UNPACKS_TOO_LARGE,
    Code.ENCODED_TWICE,
}


@dataclass(frozen=True)
class IngestSpec:
    config: CorpusConfig
    sources: tuple[Source, ...]
    first: int  # number of the first source among all


def ingest(spec: IngestSpec, folder: Path) -> dict[str, Any]:
    """Returns {"files": a record per source, "slices": one per slice file written into `folder`}."""
    writer = _SliceWriter(folder, spec.config.slice_mb * 1_000_000)
    files = []
    for number, source in enumerate(spec.sources, spec.first):
        record: dict[str, Any] = {**asdict(source), "documents": 0, "lines": 0, "chars": 0}
        book = RowBook(source.path, record, skip=spec.config.on_bad_file == "skip")
        decoded = open_source(source, spec.config)
        start, size = writer.begin(), 0
        try:
            if source.format in NOT_YET:
                raise not_yet(source.path, source.format)
            for chunk in source_documents(decoded, source, spec.config, book):
                record["documents"] += chunk.count(DOC)
                record["lines"] += chunk.count("\n") + chunk.count(DOC)
                record["chars"] += len(chunk)
                size += writer.add(chunk, number)
                if spec.config.limit_mb and size >= spec.config.limit_mb * 1_000_000:
                    record["limited"] = True
                    break
            writer.end()
        except MalmoiError as error:
            if error.code not in BAD_FILE or spec.config.on_bad_file == "error":
                raise
            writer.rollback(start)
            record |= {"skipped": error.as_dict(), "documents": 0, "lines": 0, "chars": 0}
        record |= {"encoding": decoded.encoding, "compression": decoded.compression}
        files.append(record)
    writer.flush()
    return {"files": files, "slices": writer.slices}


def open_source(source: Source, config: CorpusConfig) -> Decoded:
    return Decoded(Path(source.path), config.encoding, max_ratio=config.max_ratio, twice=config.encoded_twice)


def source_documents(decoded: Decoded, source: Source, config: CorpusConfig, book: RowBook) -> Iterator[str]:
    """Chunks of whole NFC documents of one input file, each ended by DOC; its real format goes into the
    book's record."""
    blocks = iter(decoded)
    first = next(blocks, "")
    name = source.format if config.format == AUTO else config.format
    if config.format == AUTO and name == PLAIN:
        name = format_seen(first, config.text) or PLAIN
    book.record["format"] = name
    blocks = chain([first], blocks)
    if name in READERS:
        chunks = row_documents(blocks, source.path, READERS[name], config.text, book)
    else:
        chunks = text_documents(blocks, config.documents)
    for chunk in chunks:
        if tidy := _tidy(composed(chunk)):
            yield tidy + DOC


def _tidy(chunk: str) -> str:
    """No empty documents, no empty lines at a document's ends."""
    documents = (document.strip("\n") for document in chunk.split(DOC))
    return DOC.join(document for document in documents if document and not document.isspace())


class _SliceWriter:
    """Cuts the stream of chunks into slice files. Small files share a slice; a file larger than a slice has
    slices of its own, so that undoing a bad file means dropping what is pending or its own slice files."""

    def __init__(self, folder: Path, limit: float) -> None:
        self.folder, self.limit = folder, limit
        self.slices: list[dict[str, Any]] = []
        self.shared: list[bytes] = []  # of finished files, not yet on disk
        self.shared_size = self.shared_documents = 0
        self.shared_sources: list[list[int]] = []  # [documents before it in the slice, its source]
        self.own: list[bytes] = []  # of the file being read

    def begin(self) -> int:
        self.own, self.own_size, self.own_documents, self.large = [], 0, 0, False
        return len(self.slices)

    def add(self, chunk: str, source: int) -> int:
        """Add a chunk of whole documents; returns its size in bytes."""
        data = _encode(chunk)
        self.own.append(data)
        self.own_size += len(data)
        self.own_documents += chunk.count(DOC)
        self.source = source
        if self.own_size >= self.limit:
            if not self.large:
                self.flush()
                self.large = True
            self._write(self.own, [[0, source]])
            self.own, self.own_size = [], 0
        return len(data)

    def end(self) -> None:
        if not self.own:
            return
        if self.large:
            self._write(self.own, [[0, self.source]])
            return
        if self.shared_size + self.own_size > self.limit:
            self.flush()
        self.shared_sources.append([self.shared_documents, self.source])
        self.shared += self.own
        self.shared_size += self.own_size
        self.shared_documents += self.own_documents

    def rollback(self, start: int) -> None:
        """Undo the file being read; slices written since `start` that are not its own stay."""
        if self.large:
            for taken in self.slices[start:]:
                if taken["sources"][0][1] == self.source:
                    (self.folder / taken["name"]).unlink()
            self.slices[start:] = [s for s in self.slices[start:] if s["sources"][0][1] != self.source]

    def flush(self) -> None:
        if self.shared:
            self._write(self.shared, self.shared_sources)
        self.shared, self.shared_sources = [], []
        self.shared_size = self.shared_documents = 0

    def _write(self, parts: list[bytes], sources: list[list[int]]) -> None:
        name = f"{len(self.slices):05d}.txt"
        with (self.folder / name).open("wb") as stream:
            stream.writelines(parts)
        self.slices.append({"name": name, "bytes": sum(map(len, parts)), "sources": sources})


def _encode(chunk: str) -> bytes:
    try:
        return chunk.encode()
    except UnicodeEncodeError:  # JSON may hold half of a surrogate pair: \ud83d without its partner
        return chunk.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()
