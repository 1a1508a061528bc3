"""Answers of an analyzer kept in a file, since Kiwi takes minutes for what is then read in seconds. One row
per text, keyed by all that decides the answer; in SQLite, which survives kills and several processes at once.

`remembering` is how the stages use it: one file of the user's, for all corpora and models.
"""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import struct
import threading
import weakref
import zlib
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
from platformdirs import user_cache_path

from malmoi.analyzers import ANALYZERS
from malmoi.analyzers.protocol import Analyzer, Morphemes, Surfaces, surfaces_of
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter

OURS = 0x6D6D616E  # SQLite's application_id: "mman"
MOST_MB = 4_000
PLACE, BOUND = "MALMOI_CACHE", "MALMOI_CACHE_MB"
VERSION = 1  # of the rows: another one does not find older rows
ASKED = 5_000  # keys in one question
CHUNK = 100_000  # characters analyzed before they are written: a kill loses that much
_HEAD = struct.Struct("<II")  # morphemes, crc32 of what follows
_SCHEMA = "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, answer BLOB NOT NULL)"


class Cached:
    """`analyzer` with a memory in the file `path`, which is made where it is missing.

    Beyond `most_mb` the oldest quarter of the answers goes. What cannot be written or read later (a full
    disk, damage) is a warning, MM0227, and the answers are right all the same. Raises MM0226 where the file
    is no cache.
    """

    def __init__(
        self, analyzer: Analyzer, path: Path, *, most_mb: int = MOST_MB, reporter: Reporter = SILENT
    ) -> None:
        self.analyzer = analyzer
        self._path = path
        self._reporter = reporter
        self._most = most_mb * 1_000_000
        self._works = True
        self._lock = threading.Lock()  # a connection has one transaction, whoever began it
        identity = json.dumps([VERSION, analyzer.identity], sort_keys=True)
        self._seed = hashlib.sha256(identity.encode()).digest()
        self._file = _open(path)
        self._end = weakref.finalize(self, self._file.close)  # for those that live as long as a tokenizer

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._end()

    @property
    def name(self) -> str:
        return self.analyzer.name

    @property
    def identity(self) -> dict[str, str]:
        return self.analyzer.identity

    def analyze(self, texts: Sequence[str]) -> Morphemes:
        lemmas: list[str] = []
        tags: list[str] = []
        spans: list[bytes] = []
        counts: list[int] = []
        for answer in self._answers(texts):
            count = _HEAD.unpack_from(answer)[0]
            end = _HEAD.size + 8 * count
            words = answer[end:].decode().split("\n")
            counts.append(count)
            spans.append(answer[_HEAD.size : end])
            lemmas += words[:count]
            tags += words[count : 2 * count]
        spans_M2 = np.frombuffer(b"".join(spans), "<i4").astype(np.int32).reshape(-1, 2)
        return Morphemes(np.asarray(counts, np.int64), spans_M2, lemmas, tags)

    def surfaces(self, texts: Sequence[str]) -> Surfaces:
        """Those of the analysis: it takes no longer, and one row serves both."""
        return surfaces_of(self.analyze(texts))

    def _answers(self, texts: Sequence[str]) -> list[bytes]:
        """The row of each text; texts not met before are analyzed once each, and written."""
        keys = [self._key(text) for text in texts]
        known = self._read(list(set(keys)))
        missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
        for chunk in _chunks(missing):
            found = self.analyzer.analyze([missing[key] for key in chunk])
            rows = dict(zip(chunk, _rows(found), strict=True))
            self._write(rows)
            known |= rows
        return [known[key] for key in keys]

    def _key(self, text: str) -> bytes:
        written = text.encode("utf-8", "surrogatepass")
        return hashlib.blake2b(written, digest_size=16, key=self._seed).digest()

    def _read(self, keys: list[bytes]) -> dict[bytes, bytes]:
        known: dict[bytes, bytes] = {}
        for at in range(0, len(keys), ASKED):
            part = keys[at : at + ASKED]
            marks = ",".join("?" * len(part))
            with self._lock:
                if not self._works:
                    break
                try:
                    rows = self._file.execute(f"SELECT key, answer FROM answers WHERE key IN ({marks})", part)
                    # A row that a disk has damaged is computed again.
                    known |= {key: answer for key, answer in rows if _is_whole(answer)}
                except sqlite3.DatabaseError as error:
                    self._give_up(error)
        return known

    def _give_up(self, error: sqlite3.Error) -> None:
        self._works = False
        self._reporter.warn(Code.CACHE_UNUSABLE, str(self._path), detail=error)

    def _write(self, rows: dict[bytes, bytes]) -> None:
        with self._lock:
            if not self._works:
                return
            try:
                with self._file:
                    self._file.execute("BEGIN IMMEDIATE")
                    self._file.executemany("INSERT OR REPLACE INTO answers VALUES (?, ?)", rows.items())
                    if self._size() > self._most:
                        self._file.execute(
                            "DELETE FROM answers WHERE rowid <= "
                            "(SELECT min(rowid) + (max(rowid) - min(rowid)) / 4 FROM answers)"
                        )
            except sqlite3.Error as error:
                self._give_up(error)

    def _size(self) -> int:
        """Bytes in use, without the pages that deleted rows have left."""
        pages, free, page = (
            int(self._file.execute(f"PRAGMA {name}").fetchone()[0])
            for name in ("page_count", "freelist_count", "page_size")
        )
        return (pages - free) * page


def remembering(analyzer: Analyzer, reporter: Reporter = SILENT) -> Analyzer:
    """`analyzer` with the user's cache where that is worth it and not switched off; without one,
    and with the warning MM0226, where the file cannot be used. Says so when it makes the file. Raises MM0245
    (a bound that is none)."""
    kind = ANALYZERS.get(analyzer.name)
    if kind is None or not kind.worth_remembering or not (most_mb := _bound()):
        return analyzer
    file = cache_file()
    made = not file.exists()
    try:
        cached = Cached(analyzer, file, most_mb=most_mb, reporter=reporter)
    except MalmoiError as error:
        if error.code != Code.NOT_A_CACHE:
            raise
        reporter.warn(Code.NOT_A_CACHE, error.where, **error.values)
        return analyzer
    if made:
        reporter.say("analyzers.cache", path=file, mb=most_mb)
    return cached


def cache_file() -> Path:
    """MALMOI_CACHE, else a file in the folder that this system has for caches."""
    if named := os.environ.get(PLACE):
        return Path(named)
    return user_cache_path("malmoi", appauthor=False) / "morphemes.db"


def _bound() -> int:
    told = os.environ.get(BOUND, "").strip()
    if not told.isascii() or not (told or "0").isdigit():
        raise MalmoiError(Code.BAD_CACHE_SIZE, value=told)
    return int(told) if told else MOST_MB


def _open(path: Path) -> sqlite3.Connection:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Its words are those of the user's texts, so others may not read them.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        # Another process that writes is waited for; autocommit, for transactions are begun by hand. Threads
        # may share it behind `Cached`'s lock, and whichever collects the tokenizer closes it.
        file = sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)
        file.execute("BEGIN EXCLUSIVE")
        if file.execute("PRAGMA application_id").fetchone()[0] != OURS:
            if file.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
                raise MalmoiError(Code.NOT_A_CACHE, path, detail="SQLite, but of another program")
            file.execute(f"PRAGMA application_id = {OURS}")
        file.execute(_SCHEMA)
        file.execute("COMMIT")
        # Readers and a writer at once, and a commit without waiting for the disk: a power cut may lose the
        # last answers, not the file. Where another process is at work already this fails, and it has done it.
        with suppress(sqlite3.OperationalError):
            file.execute("PRAGMA journal_mode = WAL")
        file.execute("PRAGMA synchronous = NORMAL")
    except (sqlite3.Error, OSError) as error:
        raise MalmoiError(Code.NOT_A_CACHE, path, detail=error) from None
    return file


def _chunks(texts: dict[bytes, str]) -> Iterator[list[bytes]]:
    chunk: list[bytes] = []
    size = 0
    for key, text in texts.items():
        chunk.append(key)
        size += len(text) + 1
        if size >= CHUNK:
            yield chunk
            chunk, size = [], 0
    if chunk:
        yield chunk


def _rows(found: Morphemes) -> Iterator[bytes]:
    """A row per text: count and checksum, spans as int32 little-endian, lemmas and tags a line each (no lemma
    holds white space)."""
    at = 0
    for count in found.counts.tolist():
        part = slice(at, at + count)
        words = "\n".join([*found.lemmas[part], *found.tags[part]])
        body = found.spans[part].astype("<i4").tobytes() + words.encode()
        yield _HEAD.pack(count, zlib.crc32(body)) + body
        at += count


def _is_whole(answer: bytes) -> bool:
    return len(answer) >= _HEAD.size and _HEAD.unpack_from(answer)[1] == zlib.crc32(answer[_HEAD.size :])
