"""A slice's arrays, against encoding line by line."""

from __future__ import annotations

import lzma
from itertools import chain, islice
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import malmoi.shards.encode as encode
from malmoi.errors import MalmoiError
from malmoi.progress import MalmoiWarning
from malmoi.shards.build import cut_file
from malmoi.shards.encode import EncodedBlock, EncodeSpec, _by_code, encode_block, encode_slice
from malmoi.shards.format import STARTS_MORPHEME, STARTS_WORD
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.blocks import read_blocks
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES, TEXT

ALPHABET = ("할머니는 밤늦게", "", " ", "\u200b", "뷁 (菜田)。", "\u200b동생이\u200b 편지를 ", "콩.나물")
LINES = st.lists(st.sampled_from(ALPHABET), max_size=12)


def _slowly(tokenizer: WordPiece, text: str) -> tuple[list[int], list[int], list[int], list[int]]:
    """Line by line, token by token."""
    ids: list[int] = []
    flags: list[int] = []
    sentences: list[int] = []
    documents: list[int] = []
    fresh = True
    for line in text.split("\n"):
        if not line.strip():
            fresh = True
            continue
        starts = len(ids)
        eojeols = line.split()
        for eojeol in eojeols:
            pieces = tokenizer.encode_batch([eojeol], specials=False).ids.tolist()
            flags += [3 if index == 0 else 0 for index in range(len(pieces))]
            ids += pieces
        if len(ids) > starts:
            sentences.append(starts)
            documents += [starts] if fresh else []
            fresh = False
    return ids, flags, [*sentences, len(ids)], [*documents, len(ids)]


def _encode(path: Path, tokenizer: Path, start: int = 0, end: int | None = None) -> tuple[list[int], ...]:
    folder = path.parent / f"slice-{start}"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    end = path.stat().st_size if end is None else end
    counts = encode_slice(EncodeSpec(path, start, end, tokenizer), folder)
    if not counts["tokens"]:
        assert list(folder.iterdir()) == []
        return [], [], [0], [0]
    arrays = [np.load(folder / f"{name}.npy") for name in ("ids", "flags", "sentences", "documents")]
    assert [array.dtype for array in arrays] == [np.uint16, np.uint8, np.int64, np.int64]
    assert counts["sentences"] == len(arrays[2]) - 1
    return tuple(array.tolist() for array in arrays)


@given(LINES, st.booleans(), st.integers(1, 60))
@settings(deadline=None, max_examples=60)
def test_arrays_are_those_of_encoding_token_by_token(
    small: WordPiece, tmp_path_factory: pytest.TempPathFactory, lines: list[str], newline: bool, block: int
) -> None:
    folder = tmp_path_factory.mktemp("slice")
    small.save(folder / "tokenizer")
    text = "\n".join(lines) + "\n" * newline
    (folder / "part.txt").write_text(text, "utf-8")
    with pytest.MonkeyPatch.context() as patch:
        # Blocks of a few bytes: documents and blank lines fall on their borders.
        patch.setattr(encode, "read_blocks", lambda *range_: read_blocks(*range_, size=block))
        found = _encode(folder / "part.txt", folder / "tokenizer")
    assert found == _slowly(small, text)


def _by_spans(tokenizer: WordPiece, text: str) -> EncodedBlock:
    """The way of tokenizers that have spans only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WordPiece, "encode_lines", lambda self, text: None)
        return encode_block(tokenizer, text)


def _same(a: EncodedBlock, b: EncodedBlock) -> bool:
    arrays = ("ids", "flags", "sentences", "documents")
    return a.ends_document == b.ends_document and all(
        np.array_equal(getattr(a, name), getattr(b, name)) for name in arrays
    )


HIDDEN_SPACES = ("가\x0b나\x85 다\x1c", "a\u2028b", "\x0b")
ODD_LINES = st.lists(st.sampled_from([*ALPHABET, *ODD, *HIDDEN_SPACES]), max_size=9)


@given(ODD_LINES)
@settings(deadline=None, max_examples=200)
def test_eojeols_without_spans_are_those_with(small: WordPiece, lines: list[str]) -> None:
    text = "\n".join(lines)
    assert _same(encode_block(small, text), _by_spans(small, text))


def test_plain_korean_goes_without_spans_and_what_needs_care_does_not(small: WordPiece) -> None:
    lines = small.encode_lines("\n".join(SENTENCES))
    assert lines is not None
    assert lines.ids.tolist() == small.encode_batch(SENTENCES, specials=False).ids.tolist()
    for odd in ("\u1100\u1161", "\ud800", "가\x0b나"):
        assert small.encode_lines(f"밤늦게\n{odd}") is None
    assert WordPiece(small.entries, lower_case=True).encode_lines("밤늦게") is None


@pytest.mark.parametrize("name", ["kowiki", "nsmc_reviews"])
def test_real_text_has_the_same_eojeols_without_spans(shared_data: Path, name: str) -> None:
    tokenizer = load_tokenizer(shared_data / "tokenizers/koelectra_32200/vocab.txt")
    assert isinstance(tokenizer, WordPiece)
    with lzma.open(shared_data / "corpus" / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
        text = "".join(islice(stream, 6_000))
    assert tokenizer.encode_lines(text) is not None
    assert _same(encode_block(tokenizer, text), _by_spans(tokenizer, text))


def test_flags_mark_eojeols_not_punctuation(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path / "tokenizer")
    (tmp_path / "part.txt").write_text("텃밭(菜田)의 상추를 뜯어\n", "utf-8")
    ids, flags, _, _ = _encode(tmp_path / "part.txt", tmp_path / "tokenizer")
    both = STARTS_WORD | STARTS_MORPHEME
    words = [token for token, flag in zip(small.tokens(ids), flags, strict=True) if flag == both]
    assert len(words) == 3
    assert "(" not in words


def test_slices_begin_at_documents_and_cover_the_file(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path / "tokenizer")
    path = tmp_path / "part.txt"
    path.write_text(TEXT, "utf-8")
    data = path.read_bytes()
    pieces = cut_file(path, 2_000)
    assert len(pieces) > 3
    assert [a for a, _ in pieces] == [0, *(b for _, b in pieces[:-1])]
    assert pieces[-1][1] == len(data)
    assert all(data[a - 2 : a] == b"\n\n" for a, _ in pieces[1:])
    assert all(2_000 <= b - a < 3_000 for a, b in pieces[:-1])
    together = _encode(path, tmp_path / "tokenizer")
    apart = [_encode(path, tmp_path / "tokenizer", a, b) for a, b in pieces]
    assert list(chain.from_iterable(ids for ids, *_ in apart)) == together[0]
    assert list(chain.from_iterable(flags for _, flags, *_ in apart)) == together[1]
    assert sum(len(documents) - 1 for *_, documents in apart) == len(together[3]) - 1


def test_one_long_document_is_one_slice(tmp_path: Path) -> None:
    path = tmp_path / "part.txt"
    path.write_text("밤늦게\n" * 1_000, "utf-8")
    assert cut_file(path, 1_000) == [(0, path.stat().st_size)]
    path.write_bytes(b"")
    assert cut_file(path, 1_000) == []


def test_many_entries_take_four_bytes(tmp_path: Path, small: WordPiece) -> None:
    big = WordPiece([*small.entries, *(f"[unused{i}]" for i in range(70_000))])
    big.save(tmp_path / "tokenizer")
    (tmp_path / "part.txt").write_text("밤늦게", "utf-8")
    encode_slice(EncodeSpec(tmp_path / "part.txt", 0, 9, tmp_path / "tokenizer"), tmp_path)
    assert np.load(tmp_path / "ids.npy").dtype == np.uint32


def test_codes_of_warnings_each_once() -> None:
    plain = UserWarning(str(MalmoiError("MM0209")))  # the engine's
    told = MalmoiWarning(MalmoiError("MM0227", "cache.db", detail=OSError("disk")))
    assert _by_code([plain, told, plain, DeprecationWarning("use another function")]) == {
        "MM0209": {"where": None, "values": {}},
        "MM0227": {"where": "cache.db", "values": {"detail": "disk"}},
    }
