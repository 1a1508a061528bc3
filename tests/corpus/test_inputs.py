"""How much is read: `limit_mb` stops at a document's end, and an empty file is nothing to trip over."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.errors import MalmoiError


def test_reading_stops_after_about_so_many_megabytes(tmp_path: Path) -> None:
    lines = (f"{number}번째 날에는 강가를 따라 {number % 97}킬로미터를 걸었다." for number in range(60_000))
    (tmp_path / "long.txt").write_text("\n\n".join(lines), "utf-8")
    assert (tmp_path / "long.txt").stat().st_size > 3_000_000
    config = CorpusConfig(inputs=[str(tmp_path / "long.txt")], limit_mb=1, heldout=0)
    manifest = build_corpus(config, tmp_path / "out", workers=1)
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
    build_corpus(config, tmp_path / "out", workers=1)
    read = json.loads((tmp_path / "out" / "audit.json").read_text("utf-8"))["files"][0]
    assert (read["limited"], read["encoding"]) == (True, shown)


def test_an_empty_file_first_or_alone(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"")
    with pytest.raises(MalmoiError, match="MM0109"):
        build_corpus(CorpusConfig(inputs=[str(tmp_path / "a.txt")]), tmp_path / "one", workers=1)
    (tmp_path / "b.txt").write_text("강가를 따라 오래 걸었다.\n\n배를 타고 섬을 돌아보았다.\n", "utf-8")
    both = CorpusConfig(inputs=[str(tmp_path / "a.txt"), str(tmp_path / "b.txt")], heldout=0)
    assert build_corpus(both, tmp_path / "two", workers=1).counts["documents"] == 2
