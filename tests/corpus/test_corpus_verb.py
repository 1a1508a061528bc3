"""`malmoi corpus build` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import typer

from malmoi.cli import corpus as verb
from malmoi.cli.console import Console, use_console
from malmoi.errors import MalmoiError


def run(*words: str) -> None:
    app = typer.Typer()
    verb.register(app)
    use_console(Console("json"))
    typer.main.get_command(app).main(
        args=["corpus", "build", *words], prog_name="malmoi", standalone_mode=False
    )


def test_build_prints_what_happened(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "reviews.tsv"
    rows = ["id\t평\n", *(f"{n}\t{n}번째로 본 영화인데 정말 재미있었다.\n" for n in range(30)), "31\t굿\n"]
    table.write_text("".join(rows), "utf-8")
    run(str(table), "--out", str(tmp_path / "out"), "--text", "평", "--set", "corpus.heldout=0.1")
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    shown = next(event for event in events if event["event"] == "table")
    assert any("too short" in row[1] and row[2] == "1" and row[4] == "굿" for row in shown["rows"])
    result = events[-1]
    assert result["event"] == "result"
    assert result["train"]["documents"] + result["heldout"]["documents"] == 30
    origins = json.loads((tmp_path / "out" / "manifest.json").read_text("utf-8"))["origins"]
    assert origins["corpus.heldout"] == "--set"


def test_wrong_column_is_named(tmp_path: Path) -> None:
    table = tmp_path / "a.csv"
    table.write_text("번호,글\n1,하나\n", "utf-8")
    with pytest.raises(MalmoiError, match=r"no column '평'. The columns: 번호, 글"):
        run(str(table), "--out", str(tmp_path / "out"), "--text", "평")


def test_recipe_and_its_other_sections(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("첫 문서는 여기에 있습니다.\n\n둘째 문서는 여기에 있습니다.", "utf-8")
    recipe = tmp_path / "r.toml"
    recipe.write_text(f'out = "x"\n[corpus]\ninputs = ["{tmp_path}/a.txt"]\n[pretrain]\nsteps = 3\n', "utf-8")
    run("--recipe", str(recipe), "--out", str(tmp_path / "out"))
    assert (tmp_path / "out" / "part-00000.txt").exists()
