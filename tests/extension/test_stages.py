"""A stage of `malmoi run` by one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.artifact.finished import open_artifact
from malmoi.cli.main import run
from malmoi.pipeline.stages import STAGES
from tests.extension.documents import DOCUMENTS


def test_a_recipe_runs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tokenizer", "shards", "pretrain"):
        monkeypatch.delitem(STAGES, name)
    monkeypatch.setitem(STAGES, "documents", DOCUMENTS)
    (tmp_path / "a.txt").write_text("할머니는 빵을 굽는다.\n\n아이가 그 빵을 먹는다.\n", "utf-8")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'out = "{tmp_path}/out"\n[corpus]\ninputs = ["{tmp_path}/a.txt"]\n', "utf-8")
    titles = []
    for _ in range(2):
        assert run(["--json", "--lang", "en", "run", str(recipe), "--workers", "1"]) == 0
        events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
        said = [event for event in events if event["event"] == "message"]
        titles += [f"{e['number']}/{e['total']} {e['stage']}" for e in said if e["key"] == "cli.run.stage"]
    assert titles == ["1/3 corpus: read, clean, filter", "2/3 report", "3/3 documents"] * 2
    assert [Path(event["path"]).name for event in said if event["key"] == "base.current"] == [
        "corpus",
        "documents",
    ]
    assert open_artifact(tmp_path / "out" / "documents", "documents").counts == {"documents": 2}
