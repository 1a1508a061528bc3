"""Every verb, on tiny text in a folder with an awkward name: what `--quiet` leaves, whether bars count what
they say, and whether the commands it advises run as printed."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest
import typer

from malmoi import messages
from malmoi.cli.app import build_app
from malmoi.cli.main import run
from tests.tiny.labelled import write_moods
from tests.tiny.texts import LINES, write_raw

RECIPE = """
out = "out"
[corpus]
inputs = ["raw.txt"]
heldout = 0.05
[tokenizer]
vocab_size = 200
[model]
hidden = 32
heads = 4
layers = 1
max_positions = 64
[pretrain]
weight_init = "cooccurrence"
row_len = 32
batch_size = 4
steps = 4
heldout_every = 2
device = "cpu"
[finetune]
train = "mood.tsv"
text = ["text"]
label = "label"
epochs = 1
evals = 1
device = "cpu"
[league]
seeds = 1
characters = false
no_pretraining = false
"""
OUT, SHARDS, TOKENIZER, RUN = "out", "out/shards", "out/tokenizer", "out/pretrain"
CELL = "out/league/cells/pretrained/mood/seed-0"
TASK = ["--train", "mood.tsv", "--text", "text", "--label", "label", "--set", "finetune.epochs=1"]
CHECKPOINT = f"{RUN}/checkpoints/step-4"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[dict[str, Any]]]:
    """The folder with the whole pipeline run, as the working directory; what `--json` said of it."""
    folder = tmp_path_factory.mktemp("quiet") / "할머니's $새 글"
    folder.mkdir()
    write_raw(folder / "raw.txt")
    write_moods(folder / "mood.tsv")
    (folder / "recipe.toml").write_text(RECIPE, "utf-8")
    before = Path.cwd()
    os.chdir(folder)
    try:
        yield said("run", "recipe.toml", "--workers", "1")
    finally:
        os.chdir(before)


def hear(*words: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of a command line in this process."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = run(["--lang", "en", *words])
    return code, out.getvalue(), err.getvalue()


def said(*words: str) -> list[dict[str, Any]]:
    code, out, err = hear("--json", *words)
    assert code == 0, (out[-2000:], err)
    return [json.loads(line) for line in out.splitlines()]


SMALL = shlex.split(
    "--set pretrain.row_len=32 --set pretrain.batch_size=2"
    " --set model.hidden=32 --set model.heads=2 --set model.layers=1"
)
QUIET = {
    "run": (["recipe.toml", "--workers", "1"], r"out/league: mood: \S+ \d+\.\d\d"),
    "sample": (["sample"], "sample"),
    "corpus build": (["raw.txt", "--out", "corpus"], r"corpus: corpus \(105\.0 KB of text\)\. .*audit\.json"),
    "tokenizer train": (["corpus", "--vocab-size", "200", "--out", "tokenizer"], "tokenizer"),
    "tokenizer extend": ([TOKENIZER, "--words", "words.txt", "--out", "extended"], "extended"),
    "tokenizer compare": (
        [TOKENIZER, "extended", "--corpus", "corpus", "--analyzer", "none"],
        r"tokens per eojeol: \S+ \d\.\d\d, \S+ \d\.\d\d",
    ),
    "shards build": (["corpus", "tokenizer", "--workers", "1", "--out", "shards"], "shards"),
    "shards verify": ([SHARDS], f"no faults: {SHARDS}"),
    "shards stats": ([SHARDS], rf"{SHARDS}: training [\d,]+ tokens, held out [\d,]+ tokens"),
    "shards show": ([SHARDS, "0", "--row-len", "32"], r"row 0 · part-00000\[.* kept"),
    "shards merge": ([SHARDS, "other", "--out", "merged"], "merged"),
    "pretrain": (
        [SHARDS, "--out", "short", "--steps", "1", *SMALL],
        "short/checkpoints/step-1",
    ),
    "finetune": ([CHECKPOINT, *TASK, "--out", "tuned"], r"tuned: dev macro-F1 \d+\.\d\d"),
    "league": (
        [
            "--checkpoint",
            CHECKPOINT,
            *TASK,
            "--seeds",
            "1",
            "--no-characters",
            "--pretrained-only",
            "--out",
            "league",
        ],
        r"league: mood: \S+ \d+\.\d\d",
    ),
    "predict": ([CELL, "할머니는", "아이가"], r"(기쁨|슬픔)\t[01]\.\d{3}\n(기쁨|슬픔)\t[01]\.\d{3}"),
    "trace": (["할머니는 빵을 굽는다.", "--tokenizer", TOKENIZER, "--analyzer", "none"], r"할머니는 .*"),
    "report": ([RUN], f"{RUN}/report.html"),
    "diff": ([RUN, "short"], "They differ: .*"),
    "autopsy": (["--list"], r"untied [\w -]+"),
    "doctor": ([], r"(nothing to fix|.*: .*)"),
    "explain": (["MM0003"], "MM0003 there is no setting '<key>'.<hint>"),
}


def leaves(command: Any, name: str = "") -> Iterator[str]:
    for word, inner in getattr(command, "commands", {"": None}).items():
        if inner is None:
            yield name
        else:
            yield from leaves(inner, f"{name} {word}".strip())


def test_the_list_of_verbs_is_whole() -> None:
    assert set(QUIET) == set(leaves(typer.main.get_command(build_app())))


def test_a_quiet_verb_says_its_result_in_a_line(made: list[dict[str, Any]]) -> None:
    Path("words.txt").write_text("시장에서는\n", "utf-8")
    Path("other.txt").write_text("\n\n".join(f"{line} 그리고 쉬었다" for line in LINES[::7]), "utf-8")
    assert hear("corpus", "build", "other.txt", "--out", "other corpus")[0] == 0
    assert hear("shards", "build", "other corpus", TOKENIZER, "--workers", "1", "--out", "other")[0] == 0
    for verb, (words, line) in QUIET.items():
        code, out, err = hear("-q", *verb.split(), *words)
        assert code == (1 if verb == "diff" else 0), (verb, err)
        assert "MM0019" not in err, err
        assert re.fullmatch(line + "\n", out), (verb, out)
        told = [text for text in err.splitlines() if text and not text.startswith(("MM", "  "))]
        assert told == [], verb


def test_a_quiet_mistake_is_said_without_a_box() -> None:
    code, out, err = hear("-q", "corpus", "biuld")
    assert (code, out) == (2, "")
    assert err.startswith("MM0821 ") and "'build'" in err
    code, out, err = hear("-q", "run", "none.toml")
    assert (code, out) == (2, "") and err.startswith("MM0001 ")


def test_bars_count_what_they_say(made: list[dict[str, Any]]) -> None:
    events = made + said("tokenizer", "extend", TOKENIZER, "--from-corpus", f"{OUT}/corpus", "--out", "more")
    starts = [event for event in events if event["event"] == "step"]
    ends = [event for event in events if event["event"] == "step_done"]
    keys = {event["key"] for event in starts}
    assert keys >= {"pretrain.counting", "pretrain.steps", "tokenizer.proposing", "tokenizer.learning"}
    assert keys >= {"corpus.cleaning", "shards.encoding", "finetune.training", "finetune.testing"}
    for start, end in zip(starts, ends, strict=True):
        assert start["key"] == end["key"]
        assert start["total"] is not None and end["amount"] > 0, start["key"]
        assert end["amount"] == pytest.approx(start["total"]), start["key"]


def command(line: str) -> list[str]:
    """The words of the command in a line of advice, as a shell reads them."""
    found = re.search(r"malmoi [a-z].*", line)
    assert found is not None, line
    return shlex.split(found[0])[1:]


def test_what_it_says_to_try_runs_as_printed(made: list[dict[str, Any]]) -> None:
    here = Path.cwd()
    _, _, err = hear("finetune", CHECKPOINT, *TASK, "--out", str(here / "try it"))
    (advice,) = [line for line in err.splitlines() if line.startswith("try it: ")]
    assert "'\"'\"'s $새 글/try it'" in advice
    assert hear(*command(advice))[0] == 0
    (cell,) = [e["cell"] for e in made if e["event"] == "message" and e["key"] == "pipeline.ask"]
    assert hear(*command(messages.text("pipeline.ask", cell=here / cell)))[0] == 0


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["shards", "merge", "HERE/out/shards", "HERE/out/shards", "--out", "m"], "MM0312"),
        (["shards", "show", "HERE/out/shards", "9", "--run", "HERE/out/pretrain", "--step", "1"], "MM0315"),
        (["shards", "show", "HERE/out/shards", "0", "--step", "1"], "MM0316"),
        (["tokenizer", "extend", "HERE/out/tokenizer", "--out", "HERE/wider"], "MM0264"),
    ],
)
def test_what_an_error_says_to_do_runs_as_printed(
    made: list[dict[str, Any]], words: list[str], code: str
) -> None:
    Path("words.txt").write_text("시장에서는\n", "utf-8")
    rc, _, err = hear(*(word.replace("HERE", str(Path.cwd())) for word in words))
    assert rc == 2 and err.startswith(code)
    advice = err[err.index("→ ") :].rpartition(", or ")[2].partition(" (or ")[0]
    rc, _, err = hear(*command("malmoi " + advice.partition("malmoi ")[2]))
    assert rc == 0, err


def test_rows_that_are_too_long_for_a_checkpoint(made: list[dict[str, Any]]) -> None:
    words = ["pretrain", SHARDS, "--from", CHECKPOINT, "--out", "on", "--steps", "1"]
    words += ["--set", "pretrain.batch_size=2"]
    code, _, err = hear(*words)
    assert code == 2 and err.startswith("MM0510 rows of 128 tokens are longer than the 64")
    advice = err[err.index("--set") :].partition(" (")[0]
    assert advice == "--set pretrain.row_len=64"
    assert hear(*words, *shlex.split(advice))[0] == 0
