"""Encodings and compression: the same text comes out, or an error says what to do."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tracemalloc
import unicodedata
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from malmoi.corpus.config import CorpusConfig
from malmoi.errors import MalmoiError
from malmoi.readers.decode import Decoded
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


@pytest.mark.parametrize("kind", PACKERS)
def test_an_archive_damaged_anywhere(tmp_path: Path, kind: str) -> None:
    """Cut at any byte, junk or half a second member behind it: never a shorter text in silence."""
    path = tmp_path / f"a.txt.{kind}"
    packed = PACKERS[kind](NEWS.encode() * 3)
    bad = [packed[:at] for at in (0, 1, 7, 11, len(packed) // 3, len(packed) - 9, len(packed) - 1)]
    bad += [packed + b"junk behind it", packed + packed[:-3], packed + packed[:10], packed[:5] + packed]
    for data in bad:
        path.write_bytes(data)
        with pytest.raises(MalmoiError) as caught:
            "".join(Decoded(path))
        assert caught.value.code == "MM0105", data[-20:]


@pytest.mark.parametrize("kind", PACKERS)
def test_many_small_members_and_empty_ones(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.txt.{kind}"
    pack = PACKERS[kind]
    data = NEWS.encode()
    pieces = [data[i : i + 7] for i in range(0, len(data), 7)]
    path.write_bytes(b"".join(pack(piece) + pack(b"") for piece in pieces))
    decoded = Decoded(path)
    assert ("".join(decoded), decoded.encoding) == (NEWS, "utf-8")


BOMB = 60_000_000  # bytes, of one sentence


def zst_bomb() -> bytes:
    packer = zstandard.ZstdCompressor().compressobj()
    line = "가나다라마바사\n".encode() * 46_000
    return b"".join([packer.compress(line) for _ in range(BOMB // len(line) + 1)]) + packer.flush()


def gz_bomb() -> bytes:
    packer = zlib.compressobj(wbits=31)
    line = "가나다라마바사\n".encode() * 46_000
    return b"".join([packer.compress(line) for _ in range(BOMB // len(line) + 1)]) + packer.flush()


@pytest.mark.parametrize("bomb", [zst_bomb, gz_bomb])
def test_what_unpacks_without_end_is_stopped_and_can_be_let_through(
    tmp_path: Path, bomb: Callable[[], bytes]
) -> None:
    path = tmp_path / "a.txt.packed"
    path.write_bytes(bomb())
    assert path.stat().st_size < BOMB / 300
    with pytest.raises(MalmoiError, match="more than 200 times its size") as caught:
        "".join(Decoded(path))
    assert (caught.value.code, "--set corpus.max_ratio=0" in caught.value.do) == ("MM0119", True)
    tracemalloc.start()
    size = sum(len(block) for block in Decoded(path, max_ratio=0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert size > BOMB / 3 - 1e6
    assert peak < 20e6


def test_a_small_file_may_unpack_to_what_it_will(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.xz"
    path.write_bytes(lzma.compress(("한 줄을 되풀이한다.\n" * 400_000).encode()))
    assert path.stat().st_size * 1_000 < 10_000_000
    assert sum(map(len, Decoded(path))) == 4_800_000


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (gzip.compress(gzip.compress(NEWS.encode())), "gzip"),
        (gzip.compress(b"a.txt" + bytes(252) + b"ustar"), "tar"),
    ],
    ids=["twice", "tar"],
)
def test_an_archive_in_an_archive_is_named(tmp_path: Path, data: bytes, kind: str) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(data)
    with pytest.raises(MalmoiError, match=rf"MM0106.*\({kind}\)"):
        "".join(Decoded(path))


def encoded_twice(text: str, how: str) -> str:
    """As cp1252 the five bytes without a letter become control characters, as in browsers."""
    letters = bytes(range(0x80, 0xA0)).decode("cp1252", "replace")
    table = {0x80 + i: letter for i, letter in enumerate(letters) if letter != "\ufffd"}
    return text.encode().decode("latin-1").translate(table if how == "cp1252" else {})


@pytest.mark.parametrize("how", ["latin-1", "cp1252"])
@pytest.mark.parametrize(
    "before", ["", "\ufeff", "plain english line\n" * 60_000], ids=["", "BOM", "English"]
)
def test_korean_encoded_twice_is_recognised_and_can_be_undone(tmp_path: Path, how: str, before: str) -> None:
    path = tmp_path / "a.txt"
    text = before + "안녕하세요, 카페 café에서.\n" + NEWS * 900
    path.write_text(encoded_twice(text, how), "utf-8")
    with pytest.raises(MalmoiError, match="encoded twice") as caught:
        "".join(Decoded(path))
    assert caught.value.code == "MM0120"
    assert "'안녕하세요" in caught.value.what
    assert "--set corpus.encoded_twice=undo" in caught.value.do
    undone = Decoded(path, twice="undo")
    assert "".join(undone).lstrip("\ufeff") == text.lstrip("\ufeff")
    assert undone.encoding == "utf-8 ×2"
    assert "".join(Decoded(path, twice="keep")) == encoded_twice(text, how)


@pytest.mark.parametrize(
    "text", [NEWS, "Été à la plage, l'être et le café: déjà vu.\n" * 30, "naïve ê\n", ""]
)
def test_text_that_was_encoded_once_is_left_alone(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(text, "utf-8")
    assert "".join(Decoded(path)) == text


def test_encoded_twice_with_letters_lost_is_recognised(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(NEWS.encode().decode("cp1252", "ignore"), "utf-8")
    with pytest.raises(MalmoiError, match="MM0120"):
        "".join(Decoded(path))
    with pytest.raises(MalmoiError, match=r"MM0104.*utf-8 ×2"):
        "".join(Decoded(path, twice="undo"))


def test_a_corpus_of_a_file_that_was_encoded_twice(tmp_path: Path, news: Path, build: Build) -> None:
    path = tmp_path / "twice.txt"
    path.write_text(encoded_twice(NEWS, "cp1252"), "utf-8")
    with pytest.raises(MalmoiError, match=r"MM0120.*twice\.txt"):
        build(path)
    assert build(path, encoded_twice="undo")[0] == build(news, out="news")[0]
    with pytest.warns(UserWarning, match=r"MM0113.*twice\.txt"):
        assert build(news, path, out="both", on_bad_file="skip")[0] == build(news, out="news")[0]


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
