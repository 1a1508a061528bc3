"""SentencePiece's model file: bytes in, pieces and normaliser out, and back to bytes.

Read and written here, fifty lines of protobuf's wire format, because the library cannot change a model, and
protobuf itself is not needed for anything else.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.tokenizer.kinds import vocabularies

NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = range(1, 7)
"""Types of pieces. CONTROL is never found in a text, USER_DEFINED always wins there."""
SPACE = "▁"
FILE = "tokenizer.model"
_KINDS = {1: "unigram", 2: "bpe", 3: "word", 4: "char"}
_PIECES, _TRAINER, _NORMALIZER = 1, 2, 3
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5


@dataclass(frozen=True, slots=True)
class Piece:
    text: str
    score: float
    type: int = NORMAL


@dataclass(frozen=True, slots=True)
class Model:
    """What a model file holds, as far as we look into it."""

    pieces: tuple[Piece, ...]
    kind: str
    """unigram, bpe, word or char."""
    charsmap: bytes
    """The normaliser's rewriting rules; empty where it rewrites nothing."""
    spaces: bool
    """Whether runs of spaces become one, and a text begins with one: SentencePiece's defaults."""
    rest: bytes
    """Everything but the pieces, as it stood."""

    @property
    def entries(self) -> list[str]:
        return [piece.text for piece in self.pieces]

    def to_bytes(self) -> bytes:
        return b"".join(_field(_PIECES, _piece_bytes(piece)) for piece in self.pieces) + self.rest


def as_piece(word: str) -> str:
    """A word as it stands among the pieces."""
    return word.replace(" ", SPACE)


def model_file(folder: Path) -> Path | None:
    """The SentencePiece model of a folder: under a usual name, or the only `*.model` beside no vocabulary."""
    named = [folder / name for name in (FILE, "spiece.model", "spm.model", "sentencepiece.bpe.model")]
    found = [file for file in named if file.is_file()] or sorted(folder.glob("tokenizer_*.model"))
    if not found and not any((folder / name).exists() for name in vocabularies()):
        found = sorted(folder.glob("*.model"))
        found = found if len(found) == 1 else []
    return found[0] if found else None


def read_model(file: Path) -> Model:
    """Raises MM0204 (empty) and MM0231 (not a SentencePiece model, or cut short)."""
    data = file.read_bytes()
    if not data:
        raise MalmoiError(Code.VOCABULARY_EMPTY, file)
    try:
        model = parse_model(data)
    except (ValueError, IndexError, struct.error) as error:
        raise MalmoiError(Code.SENTENCEPIECE_UNREADABLE, file, detail=str(error)) from None
    if not model.pieces:
        raise MalmoiError(Code.SENTENCEPIECE_UNREADABLE, file, detail="0 pieces")
    return model


def parse_model(data: bytes) -> Model:
    """Raises ValueError, IndexError or struct.error for bytes that are no model."""
    pieces: list[Piece] = []
    rest: list[bytes] = []
    kind, charsmap, spaces = 1, b"", True
    missing = {_TRAINER, _NORMALIZER}
    for number, value, raw in _fields(data):
        if number == _PIECES and isinstance(value, bytes):
            pieces.append(_piece(value))
            continue
        rest.append(raw)
        missing.discard(number)
        if number == _TRAINER and isinstance(value, bytes):
            found = {name: inner for name, inner, _ in _fields(value)}
            kind = int(found.get(3, kind))
            spaces = spaces and not found.get(24, 0)  # treat_whitespace_as_suffix
        elif number == _NORMALIZER and isinstance(value, bytes):
            found = {name: inner for name, inner, _ in _fields(value)}
            charsmap = bytes(found.get(2, b""))
            # add_dummy_prefix, remove_extra_whitespaces, escape_whitespaces: true where nothing is said.
            spaces = spaces and all(found.get(name, 1) for name in (3, 4, 5))
    if missing:  # cut short between two pieces, where no length tells
        raise ValueError("normalizer_spec ∄" if pieces else "pieces ∄")
    if kind not in _KINDS:
        raise ValueError(f"model_type {kind}")
    return Model(tuple(pieces), _KINDS[kind], charsmap, spaces, b"".join(rest))


def make_model(pieces: Sequence[Piece], kind: str) -> Model:
    """A model that rewrites nothing, with SentencePiece's defaults."""
    number = next(number for number, name in _KINDS.items() if name == kind)
    rest = _field(_TRAINER, _varint(3 << 3 | _VARINT) + _varint(number)) + _field(_NORMALIZER, b"")
    return Model(tuple(pieces), kind, b"", True, rest)


def _piece(data: bytes) -> Piece:
    found = {number: value for number, value, _ in _fields(data)}
    text, score = found.get(1, b""), found.get(2, b"\0\0\0\0")
    if not isinstance(text, bytes) or not isinstance(score, bytes):
        raise ValueError("piece")
    return Piece(text.decode("utf-8"), struct.unpack("<f", score)[0], int(found.get(3, NORMAL)))


def _piece_bytes(piece: Piece) -> bytes:
    type_ = b"" if piece.type == NORMAL else _varint(3 << 3 | _VARINT) + _varint(piece.type)
    return (
        _field(1, piece.text.encode()) + _varint(2 << 3 | _FIXED32) + struct.pack("<f", piece.score) + type_
    )


def _field(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | _BYTES) + _varint(len(value)) + value


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes, bytes]]:
    """Each field: its number, its value, and its bytes as they stand."""
    at = 0
    while at < len(data):
        start = at
        tag, at = _read_varint(data, at)
        number, wire = tag >> 3, tag & 7
        value: int | bytes
        if wire == _VARINT:
            value, at = _read_varint(data, at)
        else:
            if wire == _BYTES:
                size, at = _read_varint(data, at)
            else:
                size = {_FIXED32: 4, _FIXED64: 8}.get(wire, -1)
            if size < 0 or at + size > len(data) or not number:
                raise ValueError(f"byte {start}")
            value, at = data[at : at + size], at + size
        yield number, value, data[start:at]


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _read_varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if shift > 63 or at >= len(data):
            raise ValueError(f"byte {at}")
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
