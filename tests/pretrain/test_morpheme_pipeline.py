"""A model of a `morpheme` tokenizer where the analyzer is missing; going on with texts cut otherwise."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

from malmoi.analyzers.mecab import Mecab
from malmoi.analyzers.user_dictionary import UserWords
from malmoi.cli.main import run
from malmoi.errors import MalmoiError
from malmoi.pretrain.init.from_checkpoint import compare_vocabularies, open_init
from malmoi.tokenizer import load_tokenizer
from malmoi.trace.run import trace
from tests.tiny.corpus import make_corpus
from tests.tiny.heard import Heard
from tests.tiny.korean import SENTENCES, TEXT
from tests.tiny.pipeline import add_shards
from tests.tiny.runs import train

SETTINGS = ("pretrain.steps=1", "pretrain.row_len=32", "pretrain.batch_size=4", "pretrain.device=cpu")
ONE_STEP = {"steps": 1, "heldout_every": 1, "checkpoint_every": 1}
LEARN = {"vocab_size": 240, "analyzer": "mecab"}
SMALL = [word for setting in SETTINGS for word in ("--set", setting)]


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """corpus/, tokenizer/ (morpheme, Mecab), shards/, and pretrain/ with one checkpoint."""
    folder = tmp_path_factory.mktemp("morphemes")
    corpus = make_corpus(folder / "corpus", [TEXT], [TEXT[:2_000]])
    add_shards(corpus, folder, kind="morpheme", **LEARN)
    train(folder / "shards", folder / "pretrain", **ONE_STEP)
    return folder


def _without_mecab(*words: str | Path) -> subprocess.CompletedProcess[str]:
    """The command line where no import of MeCab succeeds."""
    code = """
import sys
sys.modules["MeCab"] = None
from malmoi.cli.main import run
sys.exit(run(sys.argv[1:]))
"""
    line = [sys.executable, "-c", code, *map(str, words), "--json", "--lang", "en"]
    return subprocess.run(line, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("verb", ["verify", "stats", "show"])
def test_shards_are_looked_at_without_the_analyzer(built: Path, verb: str) -> None:
    rows = ("0", "--run", built / "pretrain") if verb == "show" else ()
    done = _without_mecab("shards", verb, built / "shards", *rows)
    assert (done.returncode, done.stderr) == (0, "")
    assert "MM0" not in done.stdout


def test_shards_of_another_version_are_looked_at_without_a_warning(
    built: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(built / "shards", tmp_path / "shards")
    about = tmp_path / "shards" / "tokenizer" / "malmoi.json"
    told = about.read_text("utf-8")
    about.write_text(told.replace("python-mecab-ko-dic 2", "python-mecab-ko-dic 1"), "utf-8")
    assert about.read_text("utf-8") != told
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load_tokenizer(tmp_path / "shards" / "tokenizer", encodes=False).kind == "morpheme"
        assert run(["shards", "stats", str(tmp_path / "shards"), "--json"]) == 0
    assert "MM0242" not in capsys.readouterr().out
    with pytest.warns(UserWarning, match="MM0242"):
        load_tokenizer(tmp_path / "shards" / "tokenizer")


def test_pretraining_needs_no_analyzer(built: Path, tmp_path: Path) -> None:
    done = _without_mecab(
        "pretrain", built / "shards", "--out", tmp_path / "new", *SMALL, "--set", "model.size=tiny"
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr
    going_on = ("pretrain", built / "shards", "--from", built / "pretrain", "--out", tmp_path / "on")
    done = _without_mecab(*going_on, *SMALL)
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr


def test_shards_that_are_done_need_none_and_new_ones_say_so_at_once(built: Path, tmp_path: Path) -> None:
    build = ("shards", "build", built / "corpus", built / "tokenizer", "--out")
    assert _without_mecab(*build, built / "shards").returncode == 0
    done = _without_mecab(*build, tmp_path / "shards")
    assert done.returncode == 2
    assert "MM0220" in done.stdout and "pip install mecab-python3 python-mecab-ko-dic" in done.stdout
    assert not list(tmp_path.iterdir())


def test_a_recipe_says_so_before_the_corpus_is_made(tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(TEXT, "utf-8")
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(f'out = "{tmp_path}/out"\n[corpus]\ninputs = ["{tmp_path}/text.txt"]\n', "utf-8")
    kind = ("--set", "tokenizer.kind=morpheme", "--set", "tokenizer.analyzer=mecab")
    done = _without_mecab("run", recipe, *kind)
    assert (done.returncode, "MM0220" in done.stdout) == (2, True), done.stdout + done.stderr
    assert not (tmp_path / "out" / "corpus").exists()


# ---- the same entries, cut otherwise


def _changed(built: Path, to: Path, **changes: object) -> Path:
    """The tokenizer with other words in malmoi.json; dotted names reach into `analyzer`."""
    shutil.copytree(built / "shards" / "tokenizer", to)
    about = json.loads((to / "malmoi.json").read_text("utf-8"))
    for name, value in changes.items():
        if name in about["analyzer"] and name != "analyzer":
            about["analyzer"][name] = value
        elif name == "analyzer":
            about["analyzer"]["analyzer"] = value
        else:
            about[name] = value
    (to / "malmoi.json").write_text(json.dumps(about), "utf-8")
    return to


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"kind": "wordpiece"}, "kind was 'morpheme' and is now 'wordpiece'"),
        ({"kind": "morpheme-wordpiece"}, "kind was 'morpheme' and is now 'morpheme-wordpiece'"),
        ({"form": "lemma"}, "form was 'surface' and is now 'lemma'"),
        ({"analyzer": "kiwi"}, "analyzer was 'mecab' and is now 'kiwi'"),
    ],
)
def test_another_way_to_cut_is_refused(
    built: Path, tmp_path: Path, change: dict[str, str], told: str
) -> None:
    other = _changed(built, tmp_path / "other", **change)
    init = open_init(built / "pretrain", "mlm", tmp_path / "out")
    with pytest.raises(MalmoiError, match=f"MM0269.*{told}"):
        compare_vocabularies(init, other)
    if "analyzer" not in change:
        with pytest.raises(MalmoiError, match=f"MM0258.*{told.replace(' and', ' in training and')}"):
            trace("마당에서 고추를 말렸다.", tokenizer=other, run=built / "pretrain")


@pytest.mark.parametrize("name", ["library", "dictionary", "rules"])
def test_another_version_warns(built: Path, tmp_path: Path, name: str) -> None:
    other = _changed(built, tmp_path / "other", **{name: "0.1"})
    reporter = Heard()
    init = open_init(built / "pretrain", "mlm", tmp_path / "out")
    found = compare_vocabularies(init, other, reporter)
    assert [(code, told["name"]) for code, told in reporter.warned] == [("MM0270", name)]
    assert found.pieces == {}


def test_another_user_dictionary_warns(built: Path, tmp_path: Path) -> None:
    (tmp_path / "words.txt").write_text("말모이\n", "utf-8")
    other = _changed(built, tmp_path / "other", user_dictionary=UserWords(tmp_path / "words.txt").digest)
    shutil.copy(tmp_path / "words.txt", other / "user_dictionary.txt")
    reporter = Heard()
    compare_vocabularies(open_init(built / "pretrain", "mlm", tmp_path / "out"), other, reporter)
    assert [(code, told["name"]) for code, told in reporter.warned] == [("MM0270", "user_dictionary")]


def test_the_same_tokenizer_says_nothing(built: Path, tmp_path: Path) -> None:
    reporter = Heard()
    init = open_init(built / "pretrain", "mlm", tmp_path / "out")
    compare_vocabularies(init, built / "shards" / "tokenizer", reporter)
    assert reporter.warned == []


def test_a_shaped_vocabulary_is_a_wordpiece(built: Path, tmp_path: Path) -> None:
    add_shards(built / "corpus", tmp_path, kind="morpheme-wordpiece", **LEARN)
    train(tmp_path / "shards", tmp_path / "run", **ONE_STEP)
    plain = tmp_path / "plain"
    plain.mkdir()
    shutil.copy(tmp_path / "tokenizer" / "vocab.txt", plain)
    compare_vocabularies(open_init(tmp_path / "run", "mlm", tmp_path / "out"), plain)


def test_another_version_is_told_when_tuned_and_when_asked(
    built: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = [f"{line}\t{number % 2}" for number, line in enumerate(SENTENCES[:40])]
    (tmp_path / "train.tsv").write_text("\n".join(["글\t답", *rows]), "utf-8")
    installed = Mecab.identity.fget(Mecab(UserWords(None)))  # type: ignore[attr-defined]
    line = ["finetune", str(built / "pretrain"), "--train", str(tmp_path / "train.tsv"), "--text", "글"]
    line += ["--label", "답", "--out", str(tmp_path / "tuned"), "--set", "finetune.epochs=1"]
    asked = ["predict", str(tmp_path / "tuned"), "비가 오면 노래를 불렀어요~"]
    for words, version in ((line, "mecab 9"), (asked, "mecab 10")):
        identity = {**installed, "library": version}
        monkeypatch.setattr(Mecab, "identity", property(lambda _, identity=identity: identity))
        assert run(words) == 0
        told = [line[:6] for line in capsys.readouterr().err.splitlines() if "MM0242" in line]
        assert told == ["MM0242"], words
