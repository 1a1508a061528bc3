"""The files of the corpus: documents go in; bytes in a format and an encoding of real life come out.

Nothing here may depend on the platform: line ends, column order, compression are written by hand.
"""

from __future__ import annotations

import json
import struct
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from malmoi.sample import mess
from malmoi.sample.documents import (
    Document,
    articles,
    captions,
    diaries,
    forum,
    news,
    reviews,
)
from malmoi.sample.draw import Draws
from malmoi.sample.world import World

# Shares of exact copies, of copies with one word changed, and of lines that say nothing.
_COPY, _NEAR_COPY, _BOILERPLATE, _SPAM = 0.02, 0.015, 0.05, 0.006


@dataclass(frozen=True, slots=True)
class CorpusFile:
    """One file: its name, how many bytes of UTF-8 it should hold, where its documents come from, how they are
    written, and the quirk that the reader must cope with (a key of the message catalog)."""

    name: str
    size: int
    documents: Callable[[World, Draws], Iterator[Document]]
    write: Callable[[list[Document]], bytes]
    about: str


def take(file: CorpusFile, world: World, seed: int) -> list[Document]:
    """Documents up to the size of the file, with copies and lines of boilerplate and spam among them."""
    draw = Draws(seed, f"corpus/{file.name}")
    source, taken, size = file.documents(world, draw), list[Document](), 0
    while size < file.size:
        document = next(source)
        if not taken:
            pass  # the first document shows a reader what kind of file this is
        elif draw.chance(_COPY):
            document = taken[draw.below(len(taken))]
        elif draw.chance(_NEAR_COPY):
            *head, last = taken[draw.below(len(taken))]
            document = [*head, f"{last} (수정)" if last != "</doc>" else last]
        elif draw.chance(_SPAM):
            document = [mess.spam(draw)]
        elif draw.chance(_BOILERPLATE) and document[-1] != "</doc>":
            document = [*document, mess.boilerplate(draw)]
        taken.append(document)
        size += sum(len(line.encode()) + 1 for line in document)
    return taken


def _blocks(documents: list[Document], newline: str = "\n") -> str:
    """Plain text: a line is a line, a blank line ends a document."""
    return newline.join(newline.join([*document, ""]) for document in documents)


def _text(documents: list[Document]) -> bytes:
    return _blocks(documents).encode()


def _cp949(documents: list[Document]) -> bytes:
    return _blocks(documents, "\r\n").encode("cp949")


def _utf16(documents: list[Document]) -> bytes:
    return b"\xff\xfe" + _blocks(documents, "\r\n").encode("utf-16-le")


def _nfd(documents: list[Document]) -> bytes:
    return mess.to_nfd(_blocks(documents)).encode()


def _csv(documents: list[Document]) -> bytes:
    """With a byte order mark and quoted fields that hold line breaks, as a spreadsheet saves it."""
    lines = ["번호,종류,text"]
    for n, document in enumerate(documents, 1):
        text = "\n".join(document).replace('"', '""')
        lines.append(f'{n},후기,"{text}"')
    return b"\xef\xbb\xbf" + ("\r\n".join(lines) + "\r\n").encode()


def _tsv(documents: list[Document]) -> bytes:
    """No quoting at all: a quote is a letter, and line breaks inside a document are blanks."""
    lines = ["id\ttext", *(f"{n}\t{' '.join(document)}" for n, document in enumerate(documents, 1))]
    return ("\n".join(lines) + "\n").encode()


def _jsonl(documents: list[Document]) -> bytes:
    lines = [
        json.dumps({"id": n, "text": "\n".join(document)}, ensure_ascii=n % 50 == 0)
        for n, document in enumerate(documents, 1)
    ]
    return ("\n".join(lines) + "\n").encode()


def _gzip(documents: list[Document]) -> bytes:
    return gzip_stored(_text(documents))


def gzip_stored(data: bytes) -> bytes:
    """A gzip file made of stored blocks (RFC 1951 3.2.4, RFC 1952): zlib's output differs between its builds,
    this never does."""
    parts = [b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"]
    blocks = [data[at : at + 0xFFFF] for at in range(0, len(data), 0xFFFF)] or [b""]
    for n, block in enumerate(blocks):
        parts += [struct.pack("<BHH", n == len(blocks) - 1, len(block), len(block) ^ 0xFFFF), block]
    return b"".join(parts) + struct.pack("<II", zlib.crc32(data), len(data) & 0xFFFFFFFF)


CORPUS_FILES: tuple[CorpusFile, ...] = (
    CorpusFile("film_reviews.txt", 800_000, lambda w, d: reviews(("film",), w, d), _text, "sample.file.text"),
    CorpusFile(
        "food_reviews.jsonl", 750_000, lambda w, d: reviews(("food",), w, d), _jsonl, "sample.file.jsonl"
    ),
    CorpusFile(
        "shop_reviews.csv", 800_000, lambda w, d: reviews(("gadget", "shop"), w, d), _csv, "sample.file.csv"
    ),
    CorpusFile("place_reviews.tsv", 550_000, lambda w, d: reviews(("place",), w, d), _tsv, "sample.file.tsv"),
    CorpusFile(
        "book_reviews_utf16.txt", 550_000, lambda w, d: reviews(("book",), w, d), _utf16, "sample.file.utf16"
    ),
    CorpusFile("diary_nfd.txt", 350_000, diaries, _nfd, "sample.file.nfd"),
    CorpusFile("news_cp949.txt", 350_000, news, _cp949, "sample.file.cp949"),
    CorpusFile("encyclopedia.txt.gz", 350_000, articles, _gzip, "sample.file.gzip"),
    CorpusFile("forum.jsonl", 300_000, forum, _jsonl, "sample.file.forum"),
    CorpusFile("captions.txt", 200_000, lambda w, d: captions(d), _text, "sample.file.captions"),
)
