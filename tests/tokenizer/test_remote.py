"""In transformers, without malmoi: the same ids, and never another tokenizer's ids by mistake."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
import unicodedata
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.analyzers import open_analyzer
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.morpheme.model import Form, MorphemeWordPiece
from malmoi.tokenizer.morpheme.remote import join_modules
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import ODD, SENTENCES
from tests.tokenizer.test_load_morpheme import _train
from tests.tokenizer.test_morpheme import KOREAN

PLAIN = "할머니는 밤늦게까지 도서관에서 노래를 불렀어요"
# [MASK] and its like are special tokens there, for pipelines that fill masks, and text here.
TEXTS = [PLAIN] + [text for text in ODD if "[MASK]" not in text and "\ud800" not in text] + SENTENCES[::9]
TEXTS += ["할머니가 새말모이를 읽어 줬다", "선생님이 콩나물비빔밥을 주셨습니다"]

THEIRS = """
import json, sys
sys.modules["malmoi"] = None  # as where malmoi is not installed
from transformers import AutoTokenizer
folder, again = sys.argv[1:]
texts = json.load(sys.stdin)
tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=True)
tokenizer.save_pretrained(again)
pair = tokenizer(texts[-1], texts[-2], truncation=True, max_length=24)
print(json.dumps({
    "ids": tokenizer(texts)["input_ids"],
    "pair": [pair["input_ids"], pair["token_type_ids"]],
    "text": tokenizer.decode(tokenizer(texts[0])["input_ids"], skip_special_tokens=True),
    "mask": tokenizer.mask_token_id in tokenizer("콩나물을 [MASK]")["input_ids"],
    "class": type(tokenizer).__name__,
}))
"""


@pytest.fixture(autouse=True)
def modules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """transformers copies the module here before it runs it."""
    monkeypatch.setenv("HF_MODULES_CACHE", str(tmp_path / "modules"))


def _run(code: str, *arguments: str, text: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True)


@pytest.mark.parametrize(("analyzer", "form"), [("mecab", "surface"), ("mecab", "lemma"), ("kiwi", "lemma")])
def test_the_same_ids_without_malmoi(small: WordPiece, tmp_path: Path, analyzer: str, form: Form) -> None:
    words = tmp_path / "words.txt"
    words.write_text("콩나물비빔밥\tNNG\n새말모이\n", "utf-8")
    ours = MorphemeWordPiece(
        small.entries, open_analyzer(analyzer, words), form=form, user_dictionary=words.read_bytes()
    )
    ours.save(tmp_path / "tokenizer")
    words.unlink()
    run = _run(THEIRS, str(tmp_path / "tokenizer"), str(tmp_path / "again"), text=json.dumps(TEXTS))
    assert run.returncode == 0, run.stderr
    theirs = json.loads(run.stdout.splitlines()[-1])
    rows = ours.encode_batch(TEXTS)
    expected = [rows.ids[rows.row(index)].tolist() for index in range(len(TEXTS))]
    assert theirs["ids"] == expected
    pair = ours.encode_batch([(TEXTS[-1], TEXTS[-2])], max_len=24)
    assert theirs["pair"] == [pair.ids.tolist(), pair.segments.tolist()]
    assert theirs["mask"]
    assert theirs["class"] == "MalmoiMorphemeTokenizer"
    assert (theirs["text"] == PLAIN) is (form == "surface")
    assert (tmp_path / "again/tokenization_malmoi.py").is_file()
    if analyzer == "mecab":  # Kiwi takes seconds to open
        again = load_tokenizer(tmp_path / "again").encode_batch(TEXTS)
        assert again.ids.tolist() == rows.ids.tolist() and again.spans.tolist() == rows.spans.tolist()


@pytest.fixture(scope="module", params=["surface", "lemma"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """Ours, and the class of the module in the folder."""
    folder = _train(tmp_path_factory.mktemp("both"), form=request.param)
    spec = spec_from_file_location(f"remote_{request.param}", folder / "tokenization_malmoi.py")
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    theirs = module.MalmoiMorphemeTokenizer(str(folder / "vocab.txt"), str(folder / "malmoi.json"))
    return load_tokenizer(folder), theirs


@given(st.lists(st.sampled_from(SENTENCES) | KOREAN, max_size=3).map("".join))
@settings(max_examples=150, deadline=None)
def test_any_text_has_the_same_tokens(both: tuple[Any, Any], text: str) -> None:
    ours, theirs = both
    assert ours.tokens(ours.encode_batch([text], specials=False).ids) == theirs.tokenize(text)


def test_a_shaped_vocabulary_opens_as_it_is(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    folder = _train(tmp_path, kind="morpheme-wordpiece")
    assert not list(folder.glob("*.py"))
    rows = load_tokenizer(folder).encode_batch(TEXTS)
    theirs = AutoTokenizer.from_pretrained(folder)(TEXTS)["input_ids"]
    # Their library does not compose: texts that are NFC already are the same.
    for index, text in enumerate(TEXTS):
        if unicodedata.is_normalized("NFC", text):
            assert rows.ids[rows.row(index)].tolist() == theirs[index], text


def test_it_refuses_rather_than_give_other_ids(tmp_path: Path) -> None:
    folder = _train(tmp_path)
    code = """
import json, pathlib, sys
from transformers import AutoTokenizer
folder = pathlib.Path(sys.argv[1])
for model in (None, "bert", "electra"):
    if model:
        (folder / "config.json").write_text(json.dumps({"model_type": model, "vocab_size": 240}))
    try:
        AutoTokenizer.from_pretrained(folder)
    except ValueError as error:
        print(model, " ".join(str(error).split()))
"""
    alone, *in_a_model = _run(code, str(folder)).stdout.splitlines()[-3:]
    assert "None The repository" in alone
    assert "trust_remote_code=True" in alone
    # In a model's folder transformers looks for a tokenizer of its own first, and finds no file of one.
    assert ["Couldn't instantiate the backend tokenizer" in line for line in in_a_model] == [True, True]


@pytest.mark.parametrize("analyzer", ["mecab", "kiwi"])
def test_the_module_stands_alone(analyzer: str) -> None:
    tree = ast.parse(join_modules(analyzer))
    imported = {
        (node.module or "") if isinstance(node, ast.ImportFrom) else node.names[0].name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    tops = {name.partition(".")[0] for name in imported} - set(sys.stdlib_module_names)
    library = {"mecab": {"MeCab", "mecab_ko_dic"}, "kiwi": {"kiwipiepy"}}[analyzer]
    # hypua2jamo only where it is installed: transformers passes over imports that stand in a try.
    assert tops == {"numpy", "tokenizers", "transformers", "hypua2jamo"} | library


def test_a_missing_library_is_named_there_too(tmp_path: Path) -> None:
    folder = _train(tmp_path)
    code = """
import sys
sys.modules["malmoi"] = sys.modules["MeCab"] = None
from transformers import AutoTokenizer
AutoTokenizer.from_pretrained(sys.argv[1], trust_remote_code=True)
"""
    run = _run(code, str(folder))
    assert "pip install mecab-python3 python-mecab-ko-dic" in run.stderr.splitlines()[-1]
