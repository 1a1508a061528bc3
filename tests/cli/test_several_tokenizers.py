"""`[tokenizers.NAME]`: what a recipe may say, the whole pipeline with two, and all that reads its folder."""

from __future__ import annotations

import json
import re
import shutil
import statistics
from pathlib import Path
from typing import Any

import pytest

from malmoi.artifact.finished import read_manifest
from malmoi.cli.main import run
from malmoi.config import read_recipe
from malmoi.errors import MalmoiError
from malmoi.pipeline.recipe import Recipe, check_layout, runs_of, tokenizers_of
from malmoi.report.compare import compare
from malmoi.report.figures import figures
from malmoi.report.folder import look, read_run
from malmoi.report.origin import settings
from malmoi.report.source import find_shards
from malmoi.report.write import write_report
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.train import train_tokenizer
from tests.tiny.labelled import write_moods
from tests.tiny.texts import write_raw

DOCS = Path(__file__).resolve().parents[2] / "docs"
PIPELINE = """
out = "{folder}/out"

[corpus]
inputs = ["{folder}/raw.txt"]
heldout = 0.05

[model]
hidden = 32
heads = 2
layers = 2
max_positions = 64

[pretrain]
row_len = 32
batch_size = 4
steps = 4
log_every = 2
heldout_every = 2
milestones = [0.5]
threads = 1
device = "cpu"

[finetune]
epochs = 1
evals = 1
threads = 1
device = "cpu"

[tasks.mood]
task = "table"
name = "mood"
train = "{folder}/mood.tsv"
text = ["text"]
label = "label"

[league]
seeds = 1
characters = false
curve = true

"""
SMALLER = ["--set", "tokenizer.vocab_size=200", "--set", "tokenizers.bytes.vocab_size=300"]
RUNS = ["plain-0", "plain-1", "bytes-0", "bytes-1"]


def documented(page: str) -> str:
    (block,) = re.findall(r"^```toml\n(.*?)^```", (DOCS / page).read_text("utf-8"), re.M | re.S)
    return str(block)


def events(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.fixture(scope="module")
def recipe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe of the page about leagues in a small pipeline, which has been run."""
    folder = tmp_path_factory.mktemp("several")
    write_raw(folder / "raw.txt")
    write_moods(folder / "mood.tsv")
    path = folder / "recipe.toml"
    path.write_text(PIPELINE.format(folder=folder) + documented("league.md"), "utf-8")
    assert run(["--quiet", "run", str(path), *SMALLER]) == 0
    return path


@pytest.fixture
def out(recipe: Path) -> Path:
    """Read it, copy it, do not change it."""
    return recipe.parent / "out"


def write(folder: Path, tables: str) -> tuple[Recipe, dict[str, str], Path]:
    path = folder / "recipe.toml"
    path.write_text(PIPELINE.format(folder=folder) + tables, "utf-8")
    return *read_recipe(path, Recipe), path


def test_both_pages_show_the_same_recipe(recipe: Path) -> None:
    assert documented("league.md") == documented("ko/league.md")
    config, origins = read_recipe(recipe, Recipe)
    tokenizers = tokenizers_of(config, origins)
    assert {name: (t.kind, t.vocab_size) for name, t in tokenizers.items()} == {
        "plain": ("wordpiece", 8000),
        "bytes": ("bytebpe", 8000),
    }
    runs = runs_of(config, origins)
    assert [(name, r.tokenizer, r.pretrain.seed) for name, r in runs.items()] == [
        (f"pretrain/{name}", name[:-2], int(name[-1])) for name in RUNS
    ]


def test_every_artifact_has_its_folder_and_the_key_it_would_have_alone(out: Path, tmp_path: Path) -> None:
    for name in ("plain", "bytes"):
        kind, size = {"plain": ("wordpiece", 200), "bytes": ("bytebpe", 300)}[name]
        config = TokenizerConfig(kind=kind, vocab_size=size)  # type: ignore[arg-type]
        alone = train_tokenizer(config, out / "corpus", tmp_path / name)
        assert read_manifest(out / "tokenizer" / name, "tokenizer").key == alone.key
        alone = build_shards(ShardsConfig(), out / "corpus", tmp_path / name, tmp_path / f"{name}-shards")
        assert read_manifest(out / "shards" / name, "shards").key == alone.key
    for name in RUNS:
        shards = read_manifest(out / "pretrain" / name, "pretrain").counts["shards"]
        assert shards == str(out / "shards" / name[:-2])


def test_runs_that_differ_by_their_seed_are_one_row(recipe: Path, out: Path, tmp_path: Path) -> None:
    """Its values are the pretrainings', and so is the spread that a gain is judged by."""
    lines = {line["row"]: line for line in json.loads((out / "league" / "table.json").read_text("utf-8"))}
    bases = {f"no-pretraining-2x32-{name}" for name in ("plain", "bytes")}
    assert set(lines) == {"plain", "bytes", *bases}
    for name in ("plain", "bytes"):
        line, base = lines[name], lines[f"no-pretraining-2x32-{name}"]
        assert (line["pooled"], line["n"], line["tunings"]) == ([f"{name}-0", f"{name}-1"], 2, 1)
        cells = [out / "league/cells" / run_ / line["task"] / "seed-0" for run_ in line["pooled"]]
        scores = [json.loads((cell / "scores.json").read_text("utf-8")) for cell in cells]
        assert line["values"] == [(found["test"] or found["dev"])[line["metric"]] for found in scores]
        assert line["sd"] == pytest.approx(statistics.stdev(line["values"]))
        assert line["against"] == base["row"] and base["n"] == 2, (
            "as many as the pretrainings it stands against"
        )
        assert line["difference"] == pytest.approx(line["mean"] - base["mean"])
        assert line["difference_se"] == pytest.approx(((line["sd"] ** 2 + base["sd"] ** 2) / 2) ** 0.5)
        assert line["p"] is not None
    write_report(out, tmp_path / "r.html")
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", (tmp_path / "r.html").read_text("utf-8")))
    assert "plain pools 2 pretrainings (plain-0, plain-1): a dot is one of them, fine-tuned 1×" in text
    assert "2 × 1" in text


def test_again_it_skips_everything_and_says_what_each_line_is_about(
    recipe: Path, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in out.rglob("manifest.json")}
    assert run(["--json", "run", str(recipe), *SMALLER]) == 0
    assert {path: path.stat().st_mtime_ns for path in out.rglob("manifest.json")}.items() >= {
        path: time for path, time in before.items() if path.parent.name != "league"
    }.items()
    seen = events(capsys)
    said = [(e["key"], e.get("name"), e.get("tokenizer")) for e in seen if e["event"] == "message"]
    current = [e for e in seen if e.get("key") == "base.current" and "league" not in Path(e["path"]).parts]
    assert len(current) == 1 + 2 + 2 + 4
    names = [(name, tokenizer) for key, name, tokenizer in said if key in ("pipeline.one", "pipeline.reads")]
    stages = [("plain", None), ("bytes", None)]
    assert names == [*stages, *stages, *((name, name[:-2]) for name in RUNS)]
    measures, cuts = [e for e in seen if e["event"] == "table" and "okenizer" in e["title"]][:2]
    assert (
        measures["columns"][1:] == ["plain", "bytes"] and ["kind", "wordpiece", "bytebpe"] in measures["rows"]
    )
    assert [row[1] for row in cuts["rows"]] == ["plain", "bytes"] * 3
    assert [bool(row[0]) for row in cuts["rows"]] == [True, False] * 3


def test_without_runs_there_is_one_for_each_tokenizer(tmp_path: Path) -> None:
    config, origins, _ = write(tmp_path, '[tokenizers.a]\n[tokenizers.b]\nkind = "bpe"\n')
    assert {folder: r.tokenizer for folder, r in runs_of(config, origins).items()} == {
        "pretrain/a": "a",
        "pretrain/b": "b",
    }
    assert {name: t.kind for name, t in tokenizers_of(config, origins).items()} == {
        "a": "wordpiece",
        "b": "bpe",
    }


def test_a_recipe_without_them_is_as_before(tmp_path: Path) -> None:
    config, origins, _ = write(tmp_path, "[tokenizer]\nvocab_size = 200\n[runs.a]\n")
    assert list(tokenizers_of(config, origins)) == [""]
    assert {folder: r.tokenizer for folder, r in runs_of(config, origins).items()} == {"pretrain/a": ""}


NAMED = '[tokenizers.plain]\n[tokenizers.bytes]\nkind = "bytebpe"\n'


@pytest.mark.parametrize(
    ("tables", "code", "line", "told"),
    [
        (NAMED + "[runs]\na = { pretrain.seed = 3 }\n", "MM0802", "a = {", ["run a", "plain, bytes"]),
        (NAMED + "[runs.a]\n", "MM0802", "[runs.a]", ["run a", "plain, bytes"]),
        (
            NAMED + '[runs]\na.tokenizer = "bites"\n',
            "MM0803",
            "a.tok",
            ["'bites'", "plain, bytes", "mean 'bytes'"],
        ),
        ('[runs.a]\ntokenizer = "plain"\n', "MM0804", 'tokenizer = "p', ["'plain'", "[tokenizers.plain]"]),
        (NAMED + "[tokenizers.plain.x]\n", "MM0003", "[tokenizers.plain.x]", ["tokenizers.plain."]),
        (NAMED + "vocab_sise = 9\n", "MM0003", "vocab_sise", ["mean 'tokenizers.bytes.vocab_size'"]),
        (NAMED + "vocab_size = 9\n", "MM0004", "vocab_size", ["tokenizers.bytes.vocab_size", "16 or more"]),
        ('[tokenizers."a/b"]\n', "MM0805", '[tokenizers."a', ["'a/b'", "slash"]),
        ('[tokenizers."a.tmp"]\n', "MM0805", '[tokenizers."a', ["'a.tmp'"]),
        ("[runs.'..']\n", "MM0805", "[runs.", ["'..'"]),
    ],
)
def test_mistakes_stop_before_any_work(
    tmp_path: Path, tables: str, code: str, line: str, told: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    _, _, path = write(tmp_path, tables)
    assert run(["--json", "run", str(path)]) == 2
    error = events(capsys)[-1]
    source = path.read_text("utf-8").splitlines()
    number = next(n for n, text in enumerate(source, 1) if text.startswith(line))
    assert (error["code"], error["where"]) == (code, f"{path}:{number}")
    said = " ".join((error["what"], error["why"], error["do"]))
    assert all(words in said for words in told), said
    assert not (tmp_path / "out").exists()


def test_one_folder_is_not_for_one_and_for_several(out: Path, tmp_path: Path) -> None:
    check_layout(out, ["plain", "bytes"], ["pretrain/a"])
    check_layout(tmp_path, [""], ["pretrain"])
    with pytest.raises(MalmoiError, match="MM0806"):
        check_layout(out, [""], ["pretrain/a"])
    shutil.copytree(out / "shards" / "plain", tmp_path / "shards")
    check_layout(tmp_path, [""], ["pretrain"])
    with pytest.raises(MalmoiError, match="MM0806"):
        check_layout(tmp_path, ["plain"], ["pretrain"])


def test_the_report_shows_each_tokenizer_with_its_settings(recipe: Path, out: Path, tmp_path: Path) -> None:
    write_report(out, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text("utf-8")
    text = re.sub(r"\s+", " ", re.sub("<[^>]*>", " ", page))
    assert "Tokenizer plain bytes kind wordpiece bytebpe" in text, "as in the recipe"
    assert "losses cannot be compared" in text
    assert "4 pretraining runs, 16 steps" in text
    assert "Tokenizer plain plain bytes bytes objective" in text, "each run's"
    lines = recipe.read_text("utf-8").splitlines()
    shown = {title: {row.key: row.origin for row in rows} for title, rows in settings(look(out))}
    kind = lines.index("[tokenizers.bytes]") + 2
    assert shown["tokenizer · bytes"]["tokenizer.kind"] == f"{recipe}:{kind}"
    assert shown["tokenizer · bytes"]["tokenizer.vocab_size"] == "--set"
    assert shown["tokenizer · plain"]["tokenizer.kind"] == f"{recipe}:{kind - 3}"
    assert shown["pretrain · bytes-1"]["pretrain.seed"] == f"{recipe}:{len(lines)}"
    assert {"shards · bytes", "shards · plain"} <= set(shown)


def test_runs_of_one_tokenizer_share_a_colour(out: Path) -> None:
    runs = look(out).runs
    groups = {run.name: run.name[:-2] for run in runs}
    plot = next(f for f in figures(runs, speed=False, groups=groups) if f.title == "Loss")
    assert [key.name for key in plot.keys][:2] == ["plain", "bytes"]
    assert len({key.colour for key in plot.keys[:2]}) == 2
    alone = next(f for f in figures(runs, speed=False) if f.title == "Loss")
    assert [key.name for key in alone.keys][:4] == RUNS


def test_a_draft_of_one_of_several_is_told(out: Path, tmp_path: Path) -> None:
    home = tmp_path / "out"
    shutil.copytree(out / "tokenizer", home / "tokenizer")
    (home / "tokenizer" / "bytes").rename(home / "tokenizer" / "bytes.tmp")
    found = look(home)
    assert [stage.name for stage in found.tokenizers] == ["plain"]
    assert found.building == [("tokenizer", "bytes")]
    write_report(home, tmp_path / "r.html")
    assert "learn a vocabulary (bytes) is being made" in (tmp_path / "r.html").read_text("utf-8")


def moved(out: Path, target: Path, recorded: str) -> Path:
    """The folder somewhere else, and what its runs say they read is gone."""
    shutil.copytree(out, target)
    for path in target.glob("pretrain/*/manifest.json"):
        manifest = json.loads(path.read_text("utf-8"))
        manifest["counts"]["shards"] = recorded.format(name=path.parent.name[:-2])
        path.write_text(json.dumps(manifest))
    return target


@pytest.mark.parametrize("recorded", ["gone/shards/{name}", "gone/shards/other"])
def test_a_moved_run_finds_its_shards_by_their_digest(out: Path, tmp_path: Path, recorded: str) -> None:
    there = moved(out, tmp_path / "there", recorded)
    found = look(there)
    for one in found.runs:
        shards = find_shards(one)
        assert shards is not None and shards.folder == there / "shards" / one.name[:-2]
        stage = found.read_by(one)
        assert stage is not None and stage.name == one.name[:-2]


def test_a_moved_run_that_has_read_nothing_yet_goes_by_the_name(out: Path, tmp_path: Path) -> None:
    there = moved(out, tmp_path / "there", "gone/shards/{name}")
    for rows in there.glob("pretrain/*/rows"):
        shutil.rmtree(rows)
    shards = find_shards(read_run(there / "pretrain" / "plain-1", "plain-1"))
    assert shards is not None and shards.folder == there / "shards" / "plain"
    strange = moved(out, tmp_path / "strange", "gone/shards/other")
    shutil.rmtree(strange / "pretrain" / "plain-1" / "rows")
    assert find_shards(read_run(strange / "pretrain" / "plain-1", "plain-1")) is None, "nothing is guessed"


def test_diff_tells_the_tokenizers_apart(out: Path, tmp_path: Path) -> None:
    there = moved(out, tmp_path / "there", "gone/shards/{name}")
    found = compare(there / "pretrain" / "plain-0", there / "pretrain" / "bytes-0")
    told = {row.key: (row.left, row.right) for row in found.data}
    assert told["tokenizer.kind"] == ("wordpiece", "bytebpe") and "corpus.heldout" not in told
    assert found.batches.first is not None and found.batches.first.what == "tokenizer"
    seeds = compare(there / "pretrain" / "plain-0", there / "pretrain" / "plain-1")
    assert seeds.data == [] and [row.key for row in seeds.identity] == ["pretrain.seed"]
    (seed,) = seeds.identity
    assert seed.right_origin.rpartition(":")[2].isdigit() and seed.left_origin != seed.right_origin
    same = compare(out / "pretrain" / "plain-0", there / "pretrain" / "plain-0")
    assert same.same and same.batches.reason is None


def test_a_row_and_a_sentence_of_one_of_several(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    read = ["--run", str(out / "pretrain" / "bytes-0"), "--json"]
    assert run(["shards", "show", str(out / "shards" / "bytes"), "0", *read]) == 0
    assert run(["shards", "show", str(out / "shards" / "plain"), "0", *read]) == 2
    assert events(capsys)[-1]["code"] == "MM0314"
    assert run(["trace", "할머니는 빵을 굽는다.", "--analyzer", "none", *read]) == 0
    assert events(capsys)[-1]["tokenizer"] == str(out / "pretrain" / "bytes-0" / "checkpoints" / "step-4")
