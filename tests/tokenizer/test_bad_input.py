"""What nobody wrote on purpose: files of another kind, a megabyte without a space, jamo alone, nothing."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from malmoi.cli.main import run
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.shards.encode import encode_block
from malmoi.shards.format import Shards
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.kinds import KINDS
from malmoi.tokenizer.train import train_tokenizer
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import TEXT

FORMS = [*KINDS, "morpheme, lemma"]
SENTENCE = "마당에서 고추를 말렸다."
PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
)
TORCH = b"PK\x03\x04\x00\x00\x08\x08\x00\x00\x00\x00\x00\x00archive/data.pklFB\x0e\x00ZZZZ\x80\x02}q\x00X"
ODD = (
    "",
    "   ",
    "\t",
    "\xa0",
    "\u200b",
    "ㅋㅋㅋ",
    "ㅋㅋㅋㅠㅠ 네",
    "\u1100",
    "\u1161",
    "\u11ab",
    "\u1161\u11ab가",
    "\u3164",
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tokenizer of every kind, and the corpus."""
    folder = tmp_path_factory.mktemp("kinds")
    corpus = make_corpus(folder / "corpus", [TEXT], [])
    for name in FORMS:
        kind, _, form = name.partition(", ")
        size = {"bytebpe": 500, "unigram": 112, "bpe": 112}.get(kind, 240)
        config = {"kind": kind, "vocab_size": size, "analyzer": "mecab", "form": form or "surface"}
        train_tokenizer(TokenizerConfig.model_validate(config), corpus, folder / name)
    return folder


def _refused(words: list[str], capsys: pytest.CaptureFixture[str], code: str) -> None:
    capsys.readouterr()
    assert run([*words, "--lang", "en"]) == 2
    error = capsys.readouterr().err
    assert code in error and "→" in error and "Traceback" not in error, error


# ---- files


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        *(
            (name, data, code)
            for data in (PNG, TORCH, gzip.compress(TEXT.encode()), bytes(range(256)))
            for name, code in (
                ("a.model", "MM0231"),
                ("vocab.txt", "MM0203"),
                ("tokenizer.json", "MM0203"),
                ("vocab.json", "MM0203"),
                ("pytorch_model.bin", "MM0203"),
            )
        ),
        ("vocab.txt", b"", "MM0204"),
        ("vocab.txt", "가\n나\n".encode(), "MM0206"),
        ("vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n가\n가\n".encode(), "MM0205"),
    ],
)
def test_a_file_that_is_no_tokenizer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, data: bytes, code: str
) -> None:
    (tmp_path / name).write_bytes(data)
    _refused(["trace", SENTENCE, "--tokenizer", str(tmp_path / name)], capsys, code)


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_whose_files_were_changed_or_are_gone(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    sealed = json.loads((made / kind / "malmoi.json").read_text("utf-8"))["files"]
    for file in sealed:
        folder = tmp_path / f"changed-{file}"
        shutil.copytree(made / kind, folder)
        with (folder / file).open("ab") as stream:
            stream.write(b"x")
        _refused(["trace", SENTENCE, "--tokenizer", str(folder)], capsys, "MM0310")
    bare = tmp_path / "bare"
    shutil.copytree(made / kind, bare)
    for file in [*sealed, "tokenizer.json"]:
        (bare / file).unlink(missing_ok=True)
    _refused(["trace", SENTENCE, "--tokenizer", str(bare)], capsys, "MM0202")


@pytest.mark.parametrize(("about", "code"), [(None, "MM0240"), ("[]", "MM0203"), ("{}", "MM0240")])
def test_a_morpheme_vocabulary_that_lost_its_settings_is_no_plain_one(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], about: str | None, code: str
) -> None:
    folder = tmp_path / "lost"
    shutil.copytree(made / "morpheme", folder)
    (folder / "malmoi.json").unlink()
    if about is not None:
        (folder / "malmoi.json").write_text(about, "utf-8")
    for path in (folder, folder / "vocab.txt"):
        _refused(["trace", SENTENCE, "--tokenizer", str(path)], capsys, code)


# ---- texts


@pytest.mark.parametrize("letter", ["가", "漢", "a", "ㅋ", "\u1100", "!"])
@pytest.mark.parametrize("name", FORMS)
def test_a_megabyte_without_a_space(made: Path, name: str, letter: str) -> None:
    tokenizer = load_tokenizer(made / name)
    # 333,333 Hangul end tokie 0.1.4, and the process with it. An analyzer is given 4,000 at once.
    size = 100_000 if name.startswith("morpheme,") or name == "morpheme" else 1_000_000
    text = f"앞 {letter * (size // len(letter.encode()))} 뒤"
    found = tokenizer.encode_batch([text], specials=False)
    _covers(found.spans, text)
    assert np.array_equal(encode_block(tokenizer, text).ids, found.ids)


def _covers(spans: np.ndarray, text: str) -> None:
    """Spans lie in the text, in order, and leave out nothing but white space."""
    assert (spans[:, 0] < spans[:, 1]).all() and (np.diff(spans[:, 0]) >= 0).all()
    depth = np.zeros(len(text) + 1, np.int64)
    np.add.at(depth, spans[:, 0], 1)
    np.add.at(depth, spans[:, 1], -1)
    bare = np.flatnonzero(np.cumsum(depth)[:-1] == 0)
    assert bare.tolist() == [at for at, char in enumerate(text) if char == " "]


@pytest.mark.parametrize("name", FORMS)
def test_jamo_alone_and_nothing_at_all(made: Path, name: str) -> None:
    tokenizer = load_tokenizer(made / name)
    texts = [*ODD, "\ud800", "\0", "ㅋ\ud83dㅋ"]
    found = tokenizer.encode_batch(texts, specials=False)
    for row, text in enumerate(texts):
        spans = found.spans[found.row(row)]
        assert ((spans[:, 0] >= 0) & (spans[:, 0] <= spans[:, 1]) & (spans[:, 1] <= len(text))).all()
        alone = tokenizer.encode_batch([text], specials=False)
        assert alone.ids.tolist() == found.ids[found.row(row)].tolist()
    assert len(tokenizer.encode_batch([])) == 0
    assert len(tokenizer.encode_batch(["", " "], specials=False).ids) == 0
    assert tokenizer.encode_batch([("", "")]).ids.tolist() == _empty_pair(tokenizer)


def _empty_pair(tokenizer: Tokenizer) -> list[int]:
    special = tokenizer.special
    return [special.cls, special.sep, special.sep]


@pytest.mark.parametrize("name", FORMS)
def test_such_lines_in_shards(made: Path, tmp_path: Path, name: str) -> None:
    corpus = make_corpus(tmp_path / "corpus", ["\n".join([*ODD, SENTENCE, "", "ㅋ", "\u1100", "  ", ""])], [])
    build_shards(ShardsConfig(), corpus, made / name, tmp_path / "shards")
    shards = Shards.open(tmp_path / "shards", verify=True)
    assert len(shards.train[0].sentences) - 1 >= 4
    blank = make_corpus(tmp_path / "blank", ["\n  \n\n \xa0\n"], [])
    words = ["shards", "build", str(blank), str(made / name), "--out", str(tmp_path / "none"), "--lang", "en"]
    assert run(words) == 2
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("text", ["ㅋㅋㅋㅋㅋㅋ 정말", "\u1100\u1100\u1100 네네", "", "   ", "\n\t"])
def test_trace_and_compare_take_them_or_say_why(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    file = tmp_path / "text.txt"
    file.write_text(f"{text}\n", "utf-8")
    tokenizers = [str(made / name) for name in FORMS]
    compare = ["tokenizer", "compare", *tokenizers, "--corpus", str(file), "--analyzer", "mecab"]
    if text.strip():
        for name in FORMS:
            assert run(["trace", text, "--tokenizer", str(made / name), "--analyzer", "mecab", "-q"]) == 0
        assert run([*compare, "--out", str(tmp_path / "page.html"), "-q"]) == 0
        assert "nan" not in capsys.readouterr().out
    else:
        _refused(["trace", text, "--tokenizer", tokenizers[0]], capsys, "MM0256")
        _refused(compare, capsys, "MM0250")
