"""Encodings and compression: the same text comes out, or an error says what to do."""

from __future__ import annotations

import bz2
import gzip
import lzma
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.decode import Decoded
from malmoi.errors import MalmoiError
from tests.corpus.conftest import NEWS, Build

Pack = Callable[[bytes], bytes]
PACKERS: dict[str, Pack] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8 (BOM)"),
        ("cp949", "cp949"),
        ("euc-kr", "cp949"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
    ],
)
def test_encoding_is_found(tmp_path: Path, encoding: str, found: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(NEWS.encode(encoding))
    decoded = Decoded(path)
    assert "".join(decoded) == NEWS
    assert decoded.encoding == found


def test_encoding_is_found_after_a_megabyte_of_ascii(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    ascii_part = "plain english line\n" * 80_000
    path.write_bytes((ascii_part + NEWS).encode("cp949"))
    decoded = Decoded(path)
    assert "".join(decoded) == ascii_part + NEWS
    assert decoded.encoding == "cp949"


@pytest.mark.parametrize("ending", ["\r\n", "\r"])
def test_line_ends(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((NEWS * 9000).replace("\n", ending).encode())  # "\r" meets block ends somewhere
    assert "".join(Decoded(path)) == NEWS * 9000


@pytest.mark.parametrize("kind", PACKERS)
def test_compression_is_told_by_content(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "no_suffix"
    half = len(NEWS.encode()) // 2
    path.write_bytes(PACKERS[kind](NEWS.encode()[:half]) + PACKERS[kind](NEWS.encode()[half:]))
    decoded = Decoded(path)
    assert "".join(decoded) == NEWS
    assert decoded.compression == kind


@pytest.mark.parametrize("kind", PACKERS)
def test_archive_cut_short(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.txt.{kind}"
    packed = PACKERS[kind](NEWS.encode() * 50)
    path.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(MalmoiError) as caught:
        "".join(Decoded(path))
    assert caught.value.code == "MM0105"
    assert str(path) in str(caught.value)


def test_not_an_archive(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.gz"
    path.write_text(NEWS)
    with pytest.raises(MalmoiError, match=r"not a \.gz file"):
        "".join(Decoded(path))


JAPANESE = "東京は今日も雨です。電車が遅れています。\n" * 9
CHINESE = "今天北京下雨，地铁晚点了。大家都迟到。\n" * 9


@pytest.mark.parametrize(
    ("encoding", "text"), [("johab", NEWS), ("shift_jis", JAPANESE), ("gb18030", CHINESE)]
)
def test_other_encodings_are_refused(tmp_path: Path, encoding: str, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(text.encode(encoding))
    with pytest.raises(MalmoiError) as caught:
        "".join(Decoded(path))
    assert caught.value.code == "MM0104"
    assert "--set corpus.encoding=" in caught.value.do


def test_asked_for_encoding_is_used(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(NEWS.encode("johab"))
    assert "".join(Decoded(path, "johab")) == NEWS


def test_unknown_encoding_name() -> None:
    with pytest.raises(ValueError, match="not an encoding"):
        CorpusConfig(encoding="utf8-ko")


@pytest.mark.parametrize(
    "data",
    [
        b"PK\x03\x04" + b"x" * 99,
        b"%PDF-1.7\n",
        bytes(range(256)) * 20,
        bytes(200_000),
        b"\xff\xfe" + bytes(200_000),
        b"\x00\x01" * 9_000,
        NEWS.encode("utf-16-le") + bytes(9_000),
    ],
)
def test_binary_is_refused(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(data)
    with pytest.raises(MalmoiError) as caught:
        "".join(Decoded(path))
    assert caught.value.code == "MM0106"


def test_a_few_damaged_bytes_cost_only_their_sentence(tmp_path: Path, build: Build) -> None:
    text = "\n\n".join(f"{n}번째 문서는 이런 내용을 담고 있습니다." for n in range(300)).encode()
    at = text.index("150번째".encode()) + 4
    path = tmp_path / "a.txt"
    path.write_bytes(text[:at] + b"\xff" + text[at + 1 :])
    documents, folder = build(path)
    assert len(documents) == 299
    assert '"broken_characters"' in (folder / "audit.json").read_text("utf-8")


def test_mixed_encodings_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes((NEWS * 9000).encode() + (NEWS * 9000).encode("cp949"))
    with pytest.raises(MalmoiError) as caught:
        "".join(Decoded(path))
    assert caught.value.code == "MM0104"


def test_decomposed_and_composed_give_the_same_corpus(tmp_path: Path, build: Build) -> None:
    composed, decomposed = tmp_path / "nfc.txt", tmp_path / "nfd.txt"
    composed.write_text(NEWS, "utf-8")
    decomposed.write_text(unicodedata.normalize("NFD", NEWS), "utf-8")
    assert build(composed, out="one")[0] == build(decomposed, out="two")[0]
