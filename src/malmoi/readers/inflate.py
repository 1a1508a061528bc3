"""A compressed stream in, its bytes in bounded blocks out, whatever it claims to hold.

Every member (gzip, bzip2, xz) or frame (zstd) must be whole: what Python's own file objects do with a damaged
second member is to end in silence.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Protocol

import zstandard

BLOCK = 1 << 20
PIECE = 1 << 16  # compressed bytes read at once
MEMORY = 1 << 30  # an xz header may ask for 4 GB
MAGIC = {
    "gz": (b"\x1f\x8b\x08",),
    "xz": (b"\xfd7zXZ\x00",),
    "zst": (b"\x28\xb5\x2f\xfd", *(bytes([0x50 + n]) + b"\x2a\x4d\x18" for n in range(16))),  # skippable
    "bz2": tuple(b"BZh%d" % level + mark for level in range(1, 10) for mark in (b"1AY&SY", b"\x17rE8P\x90")),
}
ZST_FRAME, ZST_SKIPPABLE = 0xFD2FB528, 0x184D2A5
DAMAGE = (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)
"""What a damaged stream raises; an OSError of the disk has an `errno`, one of bzip2's has none."""


class _Member(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


def compression_of(head: bytes) -> str:
    """gz, xz, zst or bz2 by the first ten bytes of a file; empty for anything else."""
    return next((name for name, magics in MAGIC.items() if head.startswith(magics)), "")


def inflate(stream: IO[bytes], compression: str) -> Iterator[bytes]:
    """Blocks of BLOCK to 2 · BLOCK bytes of what `stream` holds, the last one smaller.

    Raises one of DAMAGE where it is not whole.
    """
    if not compression:
        while block := stream.read(BLOCK):
            yield block
        return
    held = bytearray()  # an encoding is not to be told by the few bytes that a first member may hold
    for part in _frames(stream) if compression == "zst" else _members(stream, MEMBERS[compression]):
        held += part
        if len(held) >= BLOCK:
            yield bytes(held)
            held.clear()
    if held:
        yield bytes(held)


def _members(stream: IO[bytes], new: Callable[[], _Member]) -> Iterator[bytes]:
    member, begun = new(), False
    data = stream.read(PIECE)
    while data or begun:
        if not begun and not (data := data.lstrip(b"\0")):  # padding between members
            data = stream.read(PIECE)
            continue
        if block := member.decompress(data, BLOCK):
            yield block
        data, begun = b"", not member.eof
        if member.eof:
            data, member = member.unused_data, new()
        if not data and (not begun or member.needs_input):
            data = stream.read(PIECE)
            if begun and not data:
                raise EOFError("the file was cut short")


class _Gzip:
    """zlib's object behind the interface that bz2's and lzma's share."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)  # 31: with gzip's header and checksum
        self.needs_input = True

    def decompress(self, data: bytes, max_length: int, /) -> bytes:
        block = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(block) < max_length
        return block

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


MEMBERS: dict[str, Callable[[], _Member]] = {
    "gz": _Gzip,
    "bz2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, MEMORY),
}


def _frames(stream: IO[bytes]) -> Iterator[bytes]:
    """zstd has no limit on what one call gives back, and 4 bytes may stand for 128 kB: so block by block."""
    while magic := stream.read(4):
        number = int.from_bytes(magic, "little")
        if number >> 4 == ZST_SKIPPABLE:
            left = int.from_bytes(_exactly(stream, 4), "little")
            while left:
                left -= len(_exactly(stream, min(left, BLOCK)))
            continue
        if number != ZST_FRAME:
            raise zstandard.ZstdError("not a zstd frame")
        frame = zstandard.ZstdDecompressor().decompressobj()
        for piece in _frame_pieces(stream):
            if block := frame.decompress(piece):
                yield block
        if not frame.eof:
            raise zstandard.ZstdError("a frame without its end")


def _frame_pieces(stream: IO[bytes]) -> Iterator[bytes]:
    """The header of a frame behind its magic number, then its blocks, then its checksum (RFC 8878, 3.1.1)."""
    flags = _exactly(stream, 1)
    single, sized = flags[0] >> 5 & 1, flags[0] >> 6
    header = (1 - single) + (0, 1, 2, 4)[flags[0] & 3] + (single, 2, 4, 8)[sized]
    yield ZST_FRAME.to_bytes(4, "little") + flags + (_exactly(stream, header) if header else b"")
    last = False
    while not last:
        head = _exactly(stream, 3)
        number = int.from_bytes(head, "little")
        last, repeated, size = bool(number & 1), number >> 1 & 3 == 1, number >> 3
        size = 1 if repeated else size
        yield head + (_exactly(stream, size) if size else b"")
    if flags[0] & 4:
        yield _exactly(stream, 4)


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError("the file was cut short")
    return data
