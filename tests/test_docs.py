"""Every command that the pages under docs/ show is one that the program takes, and is run on a small road.

Each English page's commands run in their order in a folder of what the page supposes to be there; the
Korean pages show the same commands.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import typer

from malmoi.cli.app import build_app
from malmoi.cli.main import run, take_globals
from malmoi.config import read_recipe
from malmoi.pipeline.recipe import Recipe
from tests.tiny.labelled import write_table
from tests.tiny.texts import DOCUMENTS, LINES

DOCS = Path(__file__).resolve().parents[1] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))

# Commands that are only looked at, each with the reason.
NOT_RUN = {
    "malmoi run recipes/demo.toml": "takes minutes; `make demo` is a command of the README",
    "malmoi sample demo/sample": "writes 6 MB; tests/sample draws less",
    "malmoi autopsy --bugs": "trains a dozen models; tests/autopsy does it once",
    "malmoi autopsy --out": "the same",
}
# The only changes made to what is shown: less text, fewer steps, smaller models.
TINY = "--set model.hidden=32 --set model.layers=2 --set model.heads=2"
TINY += " --set pretrain.row_len=32 --set pretrain.batch_size=8"
QUICK = "--set finetune.epochs=1 --set finetune.evals=1 --set finetune.max_len=32 --set finetune.threads=1"
SHORTER = {
    " --size mini": "",
    "--steps 2000": f"--steps 4 {TINY}",
    "--steps 5000": f"--steps 4 {TINY}",
    "--vocab-size 16000": "--vocab-size 210",
    "--seeds 3": "--seeds 2",
    "--workers 8": "--workers 1",
}
ADDED = {
    "malmoi corpus build": "--workers 1",
    "malmoi shards build": "--workers 1",
    "malmoi tokenizer train": "--set tokenizer.vocab_size=200",
    "malmoi finetune": QUICK,
    "malmoi league": QUICK,
}
KINDS = {"kind=unigram": "--set tokenizer.vocab_size=64", "kind=morpheme": "--set tokenizer.vocab_size=160"}
PLACES = {"SHARDS": "shards", "RUN": "runs/new"}
KOREAN = {"내것": "mine", "남의것": "theirs", "댓글": "comments", "샤드": "SHARDS", "학습": "RUN"}


def blocks(page: str) -> list[str]:
    """The command lines of a page's blocks, each on one line and without the remark behind it."""
    source = (DOCS / page).read_text("utf-8")
    found = re.findall(r"^```(?:sh)?\n(.*?)^```", source, re.M | re.S)
    lines = "".join(found).replace("\\\n", " ").splitlines()
    shown = (re.sub(r"\s+#\s.*", "", line) for line in lines)
    return [" ".join(line.split()) for line in shown if re.match(r"(cat \S+ \| )?malmoi ", line)]


def mentioned(page: str) -> list[str]:
    """The commands inside sentences, which may leave arguments out."""
    source = re.sub(r"^```.*?^```", "", (DOCS / page).read_text("utf-8"), flags=re.M | re.S)
    return [" ".join(found.split()) for found in re.findall(r"`(malmoi [^`]+)`", source)]


@pytest.fixture(scope="module")
def program() -> Any:
    return typer.main.get_command(build_app())


def refusal(program: Any, words: list[str]) -> str:
    """The kind of usage error that a command line ends in, before anything is done; empty if none. Kinds by
    name: typer may bring a click of its own."""
    command, context = program, program.context_class(program)
    try:
        while hasattr(command, "resolve_command"):
            name, command, words = command.resolve_command(context, words)
            context = command.context_class(command, parent=context, info_name=name)
        command.make_context(context.info_name, words, parent=context.parent)
    except Exception as error:
        return type(error).__name__
    return ""


@pytest.mark.parametrize("page", [*PAGES, *(f"ko/{page}" for page in PAGES if (DOCS / "ko" / page).exists())])
def test_verbs_options_and_settings_exist(page: str, program: Any, tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('out = "out"\n[corpus]\n[finetune]\n', "utf-8")
    shown = blocks(page)
    for line in [*shown, *mentioned(page)]:
        words = shlex.split(line.partition(" > ")[0].rpartition("| ")[2])[1:]
        words, _, _ = take_globals([word for word in words if word != "…"])
        # In a sentence arguments may be left out.
        fine = {""} if line in shown else {"", "MissingParameter", "BadOptionUsage", "NoArgsIsHelpError"}
        assert refusal(program, words) in fine, line
        sets = [value for option, value in pairwise(words) if option == "--set"]
        read_recipe(recipe, Recipe, sets)


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ("shards bild", "UsageError"),
        ("nothing", "UsageError"),
        ("shards build corpus tokenizer --ot x", "NoSuchOption"),
        ("pretrain shards", "MissingParameter"),
        ("pretrain shards --out x --steps many", "BadParameter"),
        ("pretrain shards --out x", ""),
    ],
)
def test_wrong_commands_are_found(program: Any, words: str, kind: str) -> None:
    found = refusal(program, words.split())
    assert found == kind or (kind == "UsageError" and found == "NoSuchCommand")


@pytest.mark.parametrize("page", [page for page in PAGES if (DOCS / "ko" / page).exists()])
def test_the_korean_page_shows_the_same_commands(page: str) -> None:
    translated = [
        re.sub("|".join(KOREAN), lambda found: KOREAN[found[0]], line) for line in blocks(f"ko/{page}")
    ]
    assert translated == blocks(page)


# ---- what the pages suppose to be there


def _quiet(*words: object) -> None:
    assert run(["--quiet", *map(str, words)]) == 0, words


def _inputs() -> None:
    for folder, some in (("data", DOCUMENTS), ("more", DOCUMENTS[:40])):
        Path(folder).mkdir()
        Path(folder, "raw.txt").write_text("\n\n".join(some), "utf-8")
    Path("words.txt").write_text("옆집 아저씨\n말모이\n", "utf-8")
    Path("comments.txt").write_text("\n".join(LINES[:50]), "utf-8")
    Path("texts.txt").write_text("\n".join(LINES[:3]) + "\n", "utf-8")
    Path("my.toml").write_text('[corpus]\ninputs = ["data"]\n', "utf-8")
    for split, some in (("train", LINES[:60]), ("test", LINES[60:90])):
        rows = [[str(i), line, str(i % 2)] for i, line in enumerate(some)]
        write_table(Path(f"nsmc/ratings_{split}.txt"), "id,document,label", rows)
    shutil.copy("nsmc/ratings_train.txt", "ratings_train.txt")
    moods = [[line, "기쁨" if i % 2 else "슬픔"] for i, line in enumerate(LINES[:60])]
    write_table(Path("reviews.csv"), "문장,감정", moods)
    write_table(Path("new.csv"), "문장", [[line] for line in LINES[:4]])
    write_table(Path("stars.csv"), "문장,별점", [[line, str(i % 5)] for i, line in enumerate(LINES[:60])])
    for number, split in enumerate(("train", "dev", "test")):
        some = LINES[60 * number : 60 * number + 40]
        pairs = [[line, LINES[i], str(i % 2)] for i, line in enumerate(some)]
        write_table(Path(f"{split}.tsv"), "question1,question2,is_duplicate", pairs)
        scores = [["g", "f", "y", str(i), str(i % 6), line, LINES[i]] for i, line in enumerate(some)]
        columns = "genre,filename,year,id,score,sentence1,sentence2"
        write_table(Path(f"korsts/sts-{split}.tsv"), columns, scores)
    answer = {"text": "할머니", "answer_start": LINES[0].index("할머니")}
    questions = [{"id": "1", "question": "누가?", "answers": [answer]}]
    told = {"data": [{"paragraphs": [{"context": LINES[0], "qas": questions}]}]}
    Path("KorQuAD_v1.0_dev.json").write_text(json.dumps(told, ensure_ascii=False), "utf-8")


@pytest.fixture(scope="module")
def supposed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with all of it; read it, copy it, do not change it."""
    folder = tmp_path_factory.mktemp("docs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        _inputs()
        for corpus, shards in (("data", "shards"), ("more", "more-shards")):
            _quiet("corpus", "build", corpus, "--out", f"{corpus}-corpus", "--workers", 1)
            if shards == "shards":
                _quiet("tokenizer", "train", "data-corpus", "--out", "tokenizer", "--vocab-size", 200)
            _quiet("shards", "build", f"{corpus}-corpus", "tokenizer", "--out", shards, "--workers", 1)
        Path("data-corpus").rename("corpus")
        shutil.copy("tokenizer/vocab.txt", "vocab.txt")
        for name, objective in (("wiki", "mlm"), ("electra", "electra")):
            tiny = [
                *shlex.split(TINY),
                "--set",
                f"pretrain.objective={objective}",
                "--set",
                "pretrain.seed=1",
            ]
            _quiet("pretrain", "shards", "--out", f"runs/{name}/pretrain", "--steps", 4, *tiny)
        for name in ("news", "mine", "a", "b", "demo"):
            shutil.copytree("runs/wiki/pretrain", f"runs/{name}/pretrain")
        for stage in ("corpus", "tokenizer", "shards"):
            shutil.copytree(stage, f"runs/mine/{stage}")
        shutil.copytree("runs/wiki/pretrain/checkpoints/step-4", "model")
        shutil.copytree("runs/electra/pretrain/checkpoints/step-4", "runs/electra-small")
        Path("theirs").mkdir()
        shutil.copy("vocab.txt", "theirs/vocab.txt")
        for name in ("mlm", "electra"):  # several runs, in the place of one
            source = "wiki" if name == "mlm" else name
            shutil.copytree(f"runs/{source}/pretrain", f"runs/demo/pretrain/{name}")
        tuned = [*shlex.split(QUICK), "--out"]
        _quiet("finetune", "runs/wiki/pretrain", "--task", "nsmc", "--data", "nsmc", *tuned, "runs/nsmc")
        reviews = ["--train", "reviews.csv", "--text", "문장", "--label", "감정"]
        _quiet("finetune", "runs/wiki/pretrain", *reviews, *tuned, "runs/reviews")
        pairs = ["--train", "train.tsv", "--text", "question1,question2", "--label", "is_duplicate"]
        _quiet("finetune", "runs/wiki/pretrain", *pairs, *tuned, "runs/pairs")
    yield folder


def _smaller(line: str) -> str:
    for long, short in SHORTER.items():
        line = line.replace(long, short)
    for place, name in PLACES.items():
        line = re.sub(rf"\b{place}\b", name, line)
    more = [added for start, added in ADDED.items() if line.startswith(start) and "--vocab-size" not in line]
    return " ".join([line, *more, *(added for kind, added in KINDS.items() if kind in line)])


@pytest.mark.parametrize("page", [page for page in PAGES if blocks(page)])
def test_the_commands_of_a_page_run(
    page: str,
    supposed: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    shutil.copytree(supposed, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    for line in blocks(page):
        if any(line.startswith(start) for start in NOT_RUN):
            continue
        if " > " in line:  # a shell's
            python = f"{shlex.quote(sys.executable)} -m malmoi"
            piped = line.replace("malmoi ", f"{python} ", 1)
            subprocess.run(piped, shell=True, check=True, env={**os.environ, "MALMOI_LANG": "en"})
            assert Path(line.rpartition("> ")[2]).stat().st_size
            continue
        code = run(shlex.split(_smaller(line))[1:])
        differs = line.startswith("malmoi diff") and code == 1
        assert code == 0 or differs, f"{line}\n{capsys.readouterr().err}"


def test_what_is_not_run_is_still_there() -> None:
    lines = [line for page in PAGES for line in blocks(page)]
    assert all(any(line.startswith(start) for line in lines) for start in NOT_RUN)
