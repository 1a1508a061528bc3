"""The corpus as bytes: pinned, decodable as the table claims, dirty in every way it promises."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import json
import re
import unicodedata
from collections import Counter

import pytest

from malmoi.sample.files import CORPUS_FILES, gzip_stored

# Changes only together with VERSION in sample/write.py: an older folder must then be written anew.
DIGEST = "b8009449b436e55ea08c7b9372ef463aa55c01579dec5d8648d8352b6ef67e29"


def decoded(name: str, data: bytes) -> str:
    if name.endswith(".gz"):
        return gzip.decompress(data).decode()
    encoding = {"news_cp949.txt": "cp949", "book_reviews_utf16.txt": "utf-16"}.get(
        name.split("/")[-1], "utf-8"
    )
    return data.decode(encoding)


@pytest.fixture(scope="module")
def texts(files: dict[str, bytes]) -> dict[str, str]:
    """Base name → text of every corpus file."""
    return {n.split("/")[1]: decoded(n, data) for n, data in files.items() if n.startswith("corpus/")}


def test_the_same_bytes_everywhere(files: dict[str, bytes]) -> None:
    digest = hashlib.sha256()
    for name, data in sorted(files.items()):
        digest.update(f"{name} {len(data)}\n".encode() + data)
    assert digest.hexdigest() == DIGEST


def test_about_five_megabytes_of_text(texts: dict[str, str]) -> None:
    size = sum(len(unicodedata.normalize("NFC", text).encode()) for text in texts.values())
    assert 4_600_000 < size < 5_600_000
    assert set(texts) == {file.name for file in CORPUS_FILES}


def test_encodings_are_what_they_claim(files: dict[str, bytes], texts: dict[str, str]) -> None:
    assert files["corpus/shop_reviews.csv"].startswith(b"\xef\xbb\xbf")
    assert files["corpus/book_reviews_utf16.txt"].startswith(b"\xff\xfe")
    assert files["corpus/encyclopedia.txt.gz"].startswith(b"\x1f\x8b")
    with pytest.raises(UnicodeDecodeError):
        files["corpus/news_cp949.txt"].decode("utf-8")
    diary = texts["diary_nfd.txt"]
    assert unicodedata.normalize("NFD", diary) == diary != unicodedata.normalize("NFC", diary)
    assert "\r\n" in texts["news_cp949.txt"] and "\r\n" in texts["book_reviews_utf16.txt"]


def test_gzip_blocks_join() -> None:
    for data in (b"", b"x", bytes(range(256)) * 600):
        assert gzip.decompress(gzip_stored(data)) == data


def test_tables_and_json_lines_parse(texts: dict[str, str]) -> None:
    rows = list(csv.reader(io.StringIO(texts["shop_reviews.csv"].lstrip("\ufeff"), newline="")))
    assert rows[0] == ["번호", "종류", "text"]
    assert all(len(row) == 3 for row in rows)
    assert any("\n" in row[2] for row in rows)
    header, *lines = texts["place_reviews.tsv"].splitlines()
    assert header == "id\ttext"
    assert all(line.count("\t") == 1 for line in lines)
    for name in ("food_reviews.jsonl", "forum.jsonl"):
        assert all(set(json.loads(line)) == {"id", "text"} for line in texts[name].splitlines())
    assert "\\u" in texts["forum.jsonl"]


def test_every_kind_of_dirt_is_there(texts: dict[str, str]) -> None:
    everything = unicodedata.normalize("NFC", "\n".join(texts.values()))
    for pattern in (
        r"<p>.*</p>",
        r"<br />",
        r"&nbsp;",
        "\u200b",
        "\u00a0",
        r"010-\d{4}-\d{4}",
        r"\d{6}-[12]\d{6}",
        r"@example\.com",
        r"시\([一-龥]+市\)",
        r"\[\[.+\]\]",
        "저작권자 ⓒ",
        "ㅋㅋㅋㅋㅋ",
        "ㅠㅠ",
        "👍",
        "👨\u200d👩\u200d👧",
        r"!!!!!",
        r"\(수정\)",
    ):
        assert re.search(pattern, everything), pattern


def test_most_sentences_are_unique(texts: dict[str, str]) -> None:
    lines = [unicodedata.normalize("NFC", text) for text in texts.values()]
    sentences = [
        s.strip() for text in lines for s in re.split(r"(?<=[.!?~])\s|\n", text) if len(s.strip()) > 9
    ]
    assert len(set(sentences)) / len(sentences) > 0.7
    assert len(sentences) > 60_000


def test_whole_documents_are_copied_now_and_then(texts: dict[str, str]) -> None:
    documents = Counter(texts["film_reviews.txt"].split("\n\n"))
    copies = sum(count - 1 for count in documents.values())
    assert 0.01 < copies / sum(documents.values()) < 0.10
