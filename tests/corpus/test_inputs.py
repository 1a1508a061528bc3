"""Which files are read, how much of them, and that what lies beside them is nothing to trip over."""

from __future__ import annotations

import json
import os
import time
import unicodedata
from pathlib import Path

import pytest

from malmoi.context import Context
from malmoi.corpus.book import RowBook
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.documents import DOC
from malmoi.corpus.ingest import open_source, source_documents
from malmoi.corpus.inputs import find_sources
from malmoi.errors import MalmoiError


def test_reading_stops_after_about_so_many_megabytes(tmp_path: Path) -> None:
    lines = (f"{number}번째 날에는 강가를 따라 {number % 97}킬로미터를 걸었다." for number in range(60_000))
    (tmp_path / "long.txt").write_text("\n\n".join(lines), "utf-8")
    assert (tmp_path / "long.txt").stat().st_size > 3_000_000
    config = CorpusConfig(inputs=[str(tmp_path / "long.txt")], limit_mb=1, heldout=0)
    manifest = build_corpus(config, tmp_path / "out", Context(workers=1))
    read = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))["files"][0]
    assert read["limited"] and 10_000 < read["documents"] < 40_000
    text = (tmp_path / "out" / "part-00000.txt").read_text("utf-8")
    assert text.startswith("0번째 날에는") and manifest.counts["documents"] <= read["documents"]


@pytest.mark.parametrize(
    ("text", "encoding", "shown"),
    [("It rained again", "ascii", "ascii"), ("비가 또 내렸다", "utf-8-sig", "utf-8 (BOM)")],
)
def test_the_encoding_of_a_file_read_in_part_is_known(
    tmp_path: Path, text: str, encoding: str, shown: str
) -> None:
    lines = "\n\n".join(f"{text} on day {number} of that year." for number in range(100_000))
    (tmp_path / "long.txt").write_text(lines, encoding)
    config = CorpusConfig(inputs=[str(tmp_path / "long.txt")], limit_mb=1, heldout=0, min_hangul=0)
    build_corpus(config, tmp_path / "out", Context(workers=1))
    read = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))["files"][0]
    assert (read["limited"], read["encoding"]) == (True, shown)


def test_blank_lines_without_end_cost_no_more_than_text(tmp_path: Path) -> None:
    def cost(count: int) -> float:
        path = tmp_path / f"{count}.jsonl"
        path.write_text(json.dumps({"text": "처음" + "\n" * count + "끝" + "\n" * count}), "utf-8")
        config = CorpusConfig()
        (source,) = find_sources([str(path)], tmp_path / "out").sources
        started = time.process_time()
        documents = list(
            source_documents(open_source(source, config), source, config, RowBook(str(path), {}, skip=False))
        )
        assert documents == ["처음" + "\n" * count + f"끝{DOC}"]
        return time.process_time() - started

    assert cost(80_000) < 8 * cost(20_000) + 0.2  # one newline a pass would be 16 times as much


def test_an_empty_file_first_or_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(MalmoiError, match="MM0109"):
        build_corpus(CorpusConfig(inputs=[str(tmp_path / "a.txt")]), tmp_path / "one", Context(workers=1))
    (tmp_path / "b.txt").write_text("강가를 따라 오래 걸었다.\n\n배를 타고 섬을 돌아보았다.\n", "utf-8")
    both = CorpusConfig(inputs=[str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], heldout=0)
    assert build_corpus(both, tmp_path / "two", Context(workers=1)).counts["documents"] == 2


def found(*inputs: Path | str, out: str = "nowhere") -> list[str]:
    return [source.path for source in find_sources([str(i) for i in inputs], Path(out)).sources]


APART = unicodedata.normalize("NFD", "자료/글 모음")


@pytest.mark.parametrize("stored", ["자료/글 모음", APART], ids=["NFC", "NFD"])
@pytest.mark.parametrize("typed", ["자료/글 모음", APART], ids=["NFC", "NFD"])
def test_a_path_is_found_in_either_unicode_form(tmp_path: Path, stored: str, typed: str) -> None:
    folder = tmp_path / stored
    folder.mkdir(parents=True)
    names = ["가을.txt", unicodedata.normalize("NFD", "각하.txt")]
    for name in names:
        (folder / name).write_text("강가를 따라 오래 걸었다.", "utf-8")
    both = sorted(str(folder / name) for name in names)
    assert sorted(found(tmp_path / typed)) == both
    assert found(tmp_path / typed / unicodedata.normalize("NFD", "가을.txt")) == [str(folder / "가을.txt")]
    for pattern in ("*.txt", "**/*.txt", "[가-각]*.txt", "??.txt"):
        assert sorted(found(tmp_path / typed / pattern)) == both, pattern
    assert found(tmp_path / typed / "가*.txt") == [
        str(folder / "가을.txt")
    ]  # 각 begins with 가 only when apart


def test_patterns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("a/1.txt", "a/b/2.txt", "a/.h/3.txt", "a/.4.txt", "[a]/5.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("글", "utf-8")
    monkeypatch.chdir(tmp_path)
    assert found("a/*.txt") == ["a/1.txt"]
    assert found("**/*.txt") == ["[a]/5.txt", "a/1.txt", "a/b/2.txt"]
    assert found("a/**") == ["a/1.txt", "a/b/2.txt"]
    assert found("a/.*.txt") == ["a/.4.txt"]
    assert found("[a]/*.txt") == ["[a]/5.txt"]  # a name that is there is no pattern
    with pytest.raises(MalmoiError, match="MM0101"):
        found("b/*.txt")
    with pytest.raises(MalmoiError, match=r"ls -d 'a b/c\.txt'"):
        found("a b/c.txt")


def test_links_are_followed_once_and_a_link_to_nothing_is_said(tmp_path: Path) -> None:
    (tmp_path / "big").mkdir()
    (tmp_path / "big" / "1.txt").write_text("글", "utf-8")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "round").symlink_to(tmp_path / "in")
    (tmp_path / "in" / "there").symlink_to(tmp_path / "big")
    assert found(tmp_path / "in") == [str(tmp_path / "in" / "there" / "1.txt")]
    assert found(tmp_path / "in" / "**" / "*.txt") == [str(tmp_path / "in" / "there" / "1.txt")]
    (tmp_path / "in" / "gone.txt").symlink_to(tmp_path / "nothing")
    with pytest.raises(MalmoiError, match=r"MM0101.*gone\.txt"):
        found(tmp_path / "in")


LEFT_BEHIND = ["Thumbs.db", ".DS_Store", "desktop.ini", "~$a.xlsx", "._a.txt", ".~lock.a.csv#"]


def test_what_systems_leave_behind_is_passed_over_and_listed(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "data"
    (folder / "__MACOSX").mkdir(parents=True)
    (folder / "__MACOSX" / "a.txt").write_bytes(b"\0\5\x16\7")
    for name in LEFT_BEHIND:
        (folder / name).write_bytes(b"\xd0\xcf\x11\xe0")
    os.mkfifo(folder / "pipe.txt")
    with pytest.raises(MalmoiError, match="MM0102"):
        found(folder)
    (folder / "a.txt").write_text("강가를 따라 오래 걸었다.\n\n배를 타고 섬을 돌아보았다.\n", "utf-8")
    config = CorpusConfig(inputs=[str(folder), str(folder / "*")], heldout=0)
    build_corpus(config, tmp_path / "out", Context(workers=1))
    audit = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))
    assert [file["path"] for file in audit["files"]] == [str(folder / "a.txt")]
    assert {Path(path).name for path in audit["left_over"]} == {"__MACOSX", "pipe.txt", *LEFT_BEHIND}
    assert len(audit["left_over"]) == 8
    with pytest.raises(MalmoiError, match="MM0106"):  # named to the letter it is read
        build_corpus(CorpusConfig(inputs=[str(folder / "Thumbs.db")]), tmp_path / "one", Context(workers=1))
