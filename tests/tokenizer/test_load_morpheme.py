"""A morpheme tokenizer's folder: the same again, the analyzer it was made with, and what can be wrong."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from malmoi.analyzers import open_analyzer
from malmoi.errors import MalmoiError
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.about import made_with
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.kinds import tokenizer_files
from malmoi.tokenizer.morpheme.model import Form, MorphemeWordPiece
from malmoi.tokenizer.train import train_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import ODD, SENTENCES, TEXT

TEXTS = [*ODD, *SENTENCES[:20], "선생님이 콩나물을 주셨습니다", "옆집 고양이를 도와줬다"]


def _train(folder: Path, **settings: object) -> Path:
    corpus = make_corpus(folder / "corpus", [TEXT], [])
    config = TokenizerConfig(**{"kind": "morpheme", "vocab_size": 240, "analyzer": "mecab", **settings})
    train_tokenizer(config, corpus, folder / "tokenizer")
    return folder / "tokenizer"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _train(tmp_path_factory.mktemp("morpheme"))


def _copy(folder: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    for file in folder.iterdir():
        (to / file.name).write_bytes(file.read_bytes())
    return to


def _same(a: Tokenizer, b: Tokenizer) -> bool:
    one, two = a.encode_batch(TEXTS), b.encode_batch(TEXTS)
    names = ("ids", "spans", "morphemes", "cu_seqlens")
    return all(np.array_equal(getattr(one, name), getattr(two, name)) for name in names)


def _cut(tokenizer: Tokenizer, text: str) -> list[tuple[str, str, bool]]:
    """Token, characters, whether a morpheme starts."""
    found = tokenizer.encode_batch([text], specials=False)
    assert found.morphemes is not None
    shown = [text[a:b] for a, b in found.spans.tolist()]
    return list(zip(tokenizer.tokens(found.ids), shown, found.morphemes.tolist(), strict=True))


@pytest.mark.parametrize(("analyzer", "form"), [("mecab", "surface"), ("mecab", "lemma"), ("kiwi", "lemma")])
def test_reloads_as_it_was(small: WordPiece, tmp_path: Path, analyzer: str, form: Form) -> None:
    made = MorphemeWordPiece(small.entries, open_analyzer(analyzer), form=form, learned=390)
    made.save(tmp_path)
    digest = tokenizer_digest(tmp_path)
    opened = load_tokenizer(tmp_path)
    assert (opened.kind, opened.vocab_size, opened.learned) == ("morpheme", made.vocab_size, 390)
    assert _same(made, opened)
    opened.save(tmp_path)
    assert tokenizer_digest(tmp_path) == digest
    assert not (tmp_path / "tokenizer.json").exists()


def test_the_vocabulary_alone_is_opened_as_its_folder_says(trained: Path) -> None:
    assert _same(load_tokenizer(trained), load_tokenizer(trained / "vocab.txt"))


def test_fused_morphemes_share_a_span_and_both_start(tmp_path: Path) -> None:
    folder = _train(tmp_path, form="lemma")
    cut = _cut(load_tokenizer(folder), "할머니는 노래를 불렀어요~")
    fused = [(piece, first) for piece, shown, first in cut if shown == "불렀"]
    assert "".join(piece.removeprefix("##") for piece, _ in fused) == "부르었"
    assert fused[0][1] and fused[-1] == ("##었", True)
    assert sum(first for _, first in fused) == 2
    assert [shown for _, shown, _ in cut[-2:]] == ["어요", "~"]


def test_pieces_stay_inside_morphemes_and_only_the_first_starts_one(trained: Path) -> None:
    cut = _cut(load_tokenizer(trained), "선생님은 상추를 말렸다.")
    assert "".join(piece.removeprefix("##") for piece, _, _ in cut) == "선생님은상추를말렸다."
    starts = ["".join(shown for _, shown, _ in cut[:at]) for at, (_, _, first) in enumerate(cut) if first]
    assert starts == [
        "",
        "선생",
        "선생님",
        "선생님은",
        "선생님은상추",
        "선생님은상추를",
        "선생님은상추를말렸",
        "선생님은상추를말렸다",
    ]


def test_the_users_words_stay_whole_and_travel_with_the_folder(tmp_path: Path, trained: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("콩나물비빔밥\tNNG\n새말모이\n", "utf-8")
    folder = _train(tmp_path, user_dictionary=words)
    text = "새말모이를 읽고 콩나물비빔밥을"
    words.unlink()
    for opened in (load_tokenizer(folder), load_tokenizer(_copy(folder, tmp_path / "elsewhere"))):
        spans = opened.encode_batch([text], specials=False)
        starts = {int(start) for start in spans.spans[spans.morphemes, 0]}
        assert {0, 4, 9, 15} <= starts
        assert not starts & {1, 2, 3, 10, 11, 12, 13, 14}
    plain = load_tokenizer(trained).encode_batch([text], specials=False)
    assert {int(start) for start in plain.spans[plain.morphemes, 0]} & {1, 2, 3, 10, 11, 12, 13, 14}
    assert "user_dictionary.txt" in tokenizer_files()
    assert tokenizer_digest(folder) != tokenizer_digest(trained)


def test_other_words_are_another_artifact(tmp_path: Path) -> None:
    words = tmp_path / "words.txt"
    words.write_text("새말모이\n", "utf-8")
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    config = TokenizerConfig(kind="morpheme", vocab_size=240, analyzer="mecab", user_dictionary=words)
    first = train_tokenizer(config, corpus, tmp_path / "tokenizer")
    assert train_tokenizer(config, corpus, tmp_path / "tokenizer").key == first.key
    words.write_text("헌말모이\n", "utf-8")
    assert train_tokenizer(config, corpus, tmp_path / "tokenizer").key != first.key
    words.unlink()
    with pytest.raises(MalmoiError, match="MM0222"):
        train_tokenizer(config, corpus, tmp_path / "tokenizer")


@pytest.mark.parametrize("how", ["missing", "changed"])
def test_a_changed_dictionary_is_refused(tmp_path: Path, how: str) -> None:
    words = tmp_path / "words.txt"
    words.write_text("새말모이\n", "utf-8")
    folder = _train(tmp_path, user_dictionary=words)
    kept = folder / "user_dictionary.txt"
    kept.unlink() if how == "missing" else kept.write_text("헌말모이\n", "utf-8")
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(folder)
    assert (error.value.code, error.value.where) == ("MM0241", str(kept))


def test_another_version_of_the_analyzer_warns(trained: Path, tmp_path: Path) -> None:
    folder = _copy(trained, tmp_path / "old")
    about = json.loads((folder / "malmoi.json").read_text("utf-8"))
    about["analyzer"]["library"] = "mecab-python3 0.9"
    (folder / "malmoi.json").write_text(json.dumps(about), "utf-8")
    with pytest.warns(UserWarning, match=r"MM0242.*then mecab-python3 0\.9, now mecab-python3 1"):
        load_tokenizer(folder)
    assert tokenizer_digest(folder) != tokenizer_digest(trained)


@pytest.mark.parametrize(
    ("name", "value"), [("analyzer", {"analyzer": "komoran"}), ("analyzer", None), ("form", "stem")]
)
def test_an_analyzer_or_form_we_do_not_know(trained: Path, tmp_path: Path, name: str, value: object) -> None:
    folder = _copy(trained, tmp_path / "odd")
    about = json.loads((folder / "malmoi.json").read_text("utf-8"))
    (folder / "malmoi.json").write_text(json.dumps(about | {name: value}), "utf-8")
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(folder)
    assert error.value.code == "MM0240"
    assert "--set tokenizer.kind=morpheme" in error.value.do


def test_a_vocabulary_that_is_none(trained: Path, tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    load_tokenizer(trained).save(folder)
    (folder / "vocab.txt").write_text("", "utf-8")
    with pytest.raises(MalmoiError, match="MM0204"):
        load_tokenizer(folder)
    (folder / "vocab.txt").write_text("[UNK]\n가\n", "utf-8")
    with pytest.raises(MalmoiError, match="MM0206"):
        load_tokenizer(folder)


def test_a_missing_library_names_what_installs_it(trained: Path) -> None:
    code = """
import sys
sys.modules["MeCab"] = None  # what importing finds where it is not installed
from pathlib import Path
from malmoi.errors import MalmoiError
from malmoi.messages import set_language
from malmoi.tokenizer import load_tokenizer
set_language("en")
try:
    load_tokenizer(Path(sys.argv[1]))
except MalmoiError as error:
    print(error.code, error.do)
"""
    run = subprocess.run(
        [sys.executable, "-c", code, str(trained)], capture_output=True, text=True, check=True
    )
    assert run.stdout.startswith("MM0220")
    assert "pip install mecab-python3 python-mecab-ko-dic" in run.stdout


def test_a_shaped_vocabulary_needs_no_analyzer(tmp_path: Path) -> None:
    folder = _train(tmp_path, kind="morpheme-wordpiece")
    about = json.loads((folder / "malmoi.json").read_text("utf-8"))
    assert (about["kind"], about["inside"], about["analyzer"]["analyzer"]) == (
        "morpheme-wordpiece",
        "continuation",
        "mecab",
    )
    code = """
import sys
sys.modules["MeCab"] = sys.modules["kiwipiepy"] = None
from pathlib import Path
from malmoi.tokenizer import load_tokenizer
tokenizer = load_tokenizer(Path(sys.argv[1]))
tokenizer.save(Path(sys.argv[2]))
print(tokenizer.kind, tokenizer.encode_batch([sys.argv[3]]).ids.tolist())
"""
    text = "할머니는 콩나물을 말렸다."
    again = tmp_path / "again"
    run = subprocess.run(
        [sys.executable, "-c", code, str(folder), str(again), text],
        capture_output=True,
        text=True,
        check=True,
    )
    ids = load_tokenizer(folder).encode_batch([text]).ids.tolist()
    assert run.stdout.strip() == f"morpheme-wordpiece {ids}"
    assert made_with(again) == made_with(folder)
