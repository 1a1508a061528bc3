"""Bytes of an input file in, Unicode text in blocks out: decompressed by content (not by suffix), encoding
found, line ends made "\\n". Streaming: memory is a few blocks, however large the file is or unpacks to."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.readers.inflate import BLOCK, DAMAGE, MAGIC, compression_of, inflate
from malmoi.readers.twice import Undo, is_twice

# Text packs to a half to a tenth, logs of one program to a hundredth; what unpacks to more is hardly text.
MAX_RATIO = 200
FREE = 16 << 20  # bytes that any file may unpack to
BINARY = {
    b"PK\x03\x04": "zip, xlsx, docx or hwpx",
    b"%PDF": "PDF",
    b"\xd0\xcf\x11\xe0": "hwp, xls or doc",
    b"PAR1": "parquet",
    b"\x89PNG": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"GIF8": "GIF",
    b"\x7fELF": "program",
    b"7z\xbc\xaf": "7z",
    b"Rar!": "rar",
    b"SQLite": "SQLite",
    b"\x1f\x8b": "gzip",  # what is still packed when it has been unpacked once
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
}
BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16: its BOM begins with UTF-16's
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# The commonest syllables: 45–50 % of what is not ASCII in Wikipedia and in reviews, 0 % in misread Chinese.
COMMON = (
    "이다는을의에가고하지로도사은를기한어아그자시인리대스나서부해정일수으라만여제들보원조전면게과주장오적상"
)
SHOWN = {"utf-8-sig": "utf-8 (BOM)"}
CONTROLS = r"[\x00-\x08\x0e-\x1a\x1c-\x1f]"
MAX_CONTROLS = 0.01
# A few damaged bytes become U+FFFD and cost their sentences; more is a wrong encoding.
MAX_BROKEN = 0.01


class Decoded:
    """The text of one file in blocks; `compression` and `encoding` speak of what has been read of it.

    Args:
        encoding: of the file; None: found.
        max_ratio: how many times its size a compressed file may unpack to; 0: any.
        twice: what to do with Korean that was encoded twice (see `twice.py`).
    """

    def __init__(
        self,
        path: Path,
        encoding: str | None = None,
        *,
        max_ratio: int = MAX_RATIO,
        twice: Literal["error", "undo", "keep"] = "error",
    ) -> None:
        self.path, self.forced = path, encoding
        self.max_ratio, self.twice = max_ratio, twice
        self.compression = ""
        self.encoding = SHOWN.get(encoding or "", encoding or "")

    def __iter__(self) -> Iterator[str]:
        """Raises MalmoiError: binary (MM0106), unknown encoding (MM0104), damaged archive (MM0105), one that
        unpacks to more than `max_ratio` allows (MM0119), encoded twice (MM0120)."""
        chars = broken = 0
        held = ""  # a "\r" at a block's end may be half of "\r\n"
        for block in self._undone():
            text = held + block
            held = "\r" if text.endswith("\r") else ""
            if held:
                text = text[:-1]
            if "\r" in text:
                text = text.replace("\r\n", "\n").replace("\r", "\n")
            chars += len(text)
            if "\ufffd" in text:
                broken += text.count("\ufffd")
                if chars >= 10_000:
                    self._check(broken, chars)
            yield text
        self._check(broken, chars)
        if held:
            yield "\n"

    def _check(self, broken: int, chars: int) -> None:
        if broken > MAX_BROKEN * chars:
            raise MalmoiError(
                Code.UNKNOWN_ENCODING, self.path, tried=self.encoding, share=f"{broken / chars:.0%}"
            )

    def _undone(self) -> Iterator[str]:
        """The text, and where it was encoded twice what it was before."""
        undo: Undo | None = None
        looked = self.twice == "keep"
        for block in self._decode():
            if not looked and not block.isascii():
                looked = True
                if is_twice(block):
                    if self.twice == "error":
                        raise MalmoiError(
                            Code.ENCODED_TWICE,
                            self.path,
                            sample=_sample(block),
                            meant=_sample(Undo().text(block)),
                        )
                    undo = Undo()
                    self.encoding += " ×2"
            yield undo.text(block) if undo else block
        if undo and (rest := undo.text("", final=True)):
            yield rest

    def _decode(self) -> Iterator[str]:
        decoder = None
        for block in self._bytes():
            if decoder is None:
                if not self.forced and block.isascii() and b"\0" not in block:
                    self._check_binary(block)
                    self.encoding = "ascii"
                    yield block.decode("ascii")  # UTF-8 and CP949 agree so far
                    continue
                codec = self.forced or self._detect(block)
                self.encoding = SHOWN.get(codec, codec)
                decoder = codecs.getincrementaldecoder(codec)(errors="replace")
            yield decoder.decode(block)
        if decoder is not None:
            yield decoder.decode(b"", final=True)
        self.encoding = self.encoding or "ascii"  # an empty file

    def _bytes(self) -> Iterator[bytes]:
        with self.path.open("rb") as stream:
            head = stream.read(10)
            stream.seek(0)
            self.compression = compression_of(head)
            suffix = self.path.suffix[1:].lower()
            if not self.compression and suffix in MAGIC:
                raise MalmoiError(
                    Code.ARCHIVE_DAMAGED, self.path, detail=f"not a .{suffix} file" if head else "0 B"
                )
            unpacked = 0
            try:
                for block in inflate(stream, self.compression):
                    unpacked += len(block)
                    if (
                        self.compression
                        and self.max_ratio
                        and unpacked > FREE + self.max_ratio * stream.tell()
                    ):
                        size = f"{unpacked / 1e6:.0f} MB"
                        raise MalmoiError(Code.UNPACKS_TOO_LARGE, self.path, ratio=self.max_ratio, size=size)
                    yield block
            except DAMAGE as error:
                if isinstance(error, OSError) and error.errno is not None:
                    raise  # the disk's fault, not the file's
                raise MalmoiError(Code.ARCHIVE_DAMAGED, self.path, detail=error) from None

    def _detect(self, block: bytes) -> str:
        for bom, name in BOMS:
            if block.startswith(bom):
                if _controls(_decode_part(block, name)) > MAX_CONTROLS:
                    raise MalmoiError(Code.BINARY_FILE, self.path, kind="binary")
                return name
        if b"\0" in block[:4096]:
            for name in ("utf-16-le", "utf-16-be"):
                sample = block[: len(block) // 2 * 2]
                # Zeros alone, as in disk images and files that were allocated but never written, decode too.
                if _korean(sample, name) > 0.7 and _controls(_decode_part(sample, name)) <= MAX_CONTROLS:
                    return name
        self._check_binary(block)
        first = re.search(rb"[\x80-\xff]", block)
        sample = block[first.start() if first else 0 :]
        # UTF-8 is so constrained that text in another encoding all but never passes for it.
        if _broken(sample, "utf-8") <= MAX_BROKEN:
            return "utf-8"
        # CP949 makes syllables of Chinese and Japanese bytes too, but not those that Korean is made of.
        if _broken(sample, "cp949") <= MAX_BROKEN and _korean(sample, "cp949", COMMON) > 0.15:
            return "cp949"
        share = f"{_broken(sample, 'utf-8'):.0%}"
        raise MalmoiError(Code.UNKNOWN_ENCODING, self.path, tried="UTF-8", share=share)

    def _check_binary(self, block: bytes) -> None:
        kind = next((kind for magic, kind in BINARY.items() if block.startswith(magic)), "")
        kind = "tar" if block[257:262] == b"ustar" else kind
        head = block[:65536]
        if kind or b"\0" in head or _controls(head.decode("latin-1")) > MAX_CONTROLS:
            raise MalmoiError(Code.BINARY_FILE, self.path, kind=kind or "binary")


def _broken(block: bytes, encoding: str) -> float:
    text = _decode_part(block, encoding)
    return text.count("\ufffd") / max(1, sum(c > "\x7f" for c in text[:BLOCK]))


def _controls(text: str) -> float:
    """Share of the control characters that text does not hold."""
    return len(re.findall(CONTROLS, text)) / max(1, len(text))


def _korean(block: bytes, encoding: str, common: str = "") -> float:
    """Share of Hangul (or of `common` syllables) among what is not ASCII; 1 where all is ASCII."""
    beyond = [c for c in _decode_part(block, encoding) if c > "\x7f"]
    hits = sum(c in common for c in beyond) if common else sum("가" <= c <= "힣" for c in beyond)
    return hits / len(beyond) if beyond else 1.0


def _decode_part(block: bytes, encoding: str) -> str:
    """Decode a block that may end inside a character."""
    return codecs.getincrementaldecoder(encoding)(errors="replace").decode(block[: 1 << 16])


def _sample(text: str) -> str:
    """The first letters beyond ASCII with what is around them, on one line, for an error."""
    first = re.search(r"[^\x00-\x7f\ufeff]", text)
    start = first.start() if first else 0
    return "".join(c if c.isprintable() else " " for c in text[start : start + 24])
