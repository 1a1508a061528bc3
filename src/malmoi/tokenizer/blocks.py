"""Corpus text in blocks of whole lines: all of a byte range, or an even sample under a budget of bytes.

Blocks of some megabytes, because the columnar work downstream costs the same per block as per line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from malmoi.codes import Code
from malmoi.errors import MalmoiError

BLOCK = 4_000_000
MB = 1_000_000


def read_blocks(path: Path, start: int = 0, end: int | None = None, size: int = BLOCK) -> Iterator[str]:
    """The text of bytes `[start, end)` of a UTF-8 file, in blocks of whole lines of about `size` bytes.

    `start` and `end` must lie at line starts. A block ends in its newline, the last one perhaps without.
    Raises MM0214 where the bytes are not UTF-8.
    """
    left = path.stat().st_size - start if end is None else end - start
    with path.open("rb") as stream:
        stream.seek(start)
        while left > 0:
            block = stream.read(min(size, left))
            if not block:
                return
            left -= len(block)
            if left > 0 and not block.endswith(b"\n"):
                rest = stream.readline(left)
                left -= len(rest)
                block += rest
            yield _decode(path, block, stream.tell() - len(block))


def sample_blocks(paths: Sequence[Path], budget: int) -> Iterator[str]:
    """About `budget` bytes of whole lines, spread evenly over the files and within each; all where it fits.

    Always the same text for the same files: evenly spaced, nothing is drawn by lot.
    """
    sizes = [path.stat().st_size for path in paths]
    total = sum(sizes)
    if total <= budget:
        for path in paths:
            yield from read_blocks(path)
        return
    for path, size in zip(paths, sizes, strict=True):
        share = size * budget // total
        pieces = max(1, share // MB)
        for piece in range(pieces):
            begin = _line_start(path, size * piece // pieces)
            yield from read_blocks(path, begin, _line_start(path, min(size, begin + share // pieces)))


def counted_blocks(blocks: Iterable[str], advance: Callable[[float], None]) -> Iterator[str]:
    """The blocks; each is told of, in bytes, when it has been used."""
    for block in blocks:
        yield block
        advance(len(block.encode()))


def _line_start(path: Path, offset: int) -> int:
    """The first line start at or after a byte offset."""
    if offset == 0:
        return 0
    with path.open("rb") as stream:
        stream.seek(offset - 1)
        stream.readline()
        return stream.tell()


def _decode(path: Path, block: bytes, offset: int) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        raise MalmoiError(Code.NOT_UTF8, path, offset=offset + error.start) from None
