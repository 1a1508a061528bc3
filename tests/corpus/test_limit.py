"""`limit_mb` stops reading at a document's end, once enough has been read."""

from __future__ import annotations

import json
from pathlib import Path

from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig


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
