"""A stage of `malmoi run` by one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from malmoi.artifact.finished import open_artifact
from malmoi.cli.main import run
from malmoi.pipeline.stage import Stage
from malmoi.pipeline.stages import STAGES
from tests.extension.documents import DOCUMENTS


@pytest.fixture
def stages() -> Iterator[dict[str, Stage]]:
    """To be changed; the order is what a recipe runs by, so the next test finds it as it was."""
    before = dict(STAGES)
    yield STAGES
    STAGES.clear()
    STAGES.update(before)


def test_a_recipe_runs_it(
    stages: dict[str, Stage], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("tokenizer", "shards", "pretrain"):
        del stages[name]
    stages["documents"] = DOCUMENTS
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
    assert [e["documents"] for e in events if e["event"] == "result" and "documents" in e] == [2], "shown"
