"""A sealed folder opens until a file that decides ids changes; what other tools rewrite does no harm."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers

from malmoi.errors import MalmoiError
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer.about import check_seal, read_settings, seal
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import SENTENCES
from tests.tiny.pieces import learned


@pytest.fixture
def sealed(small: WordPiece, tmp_path: Path) -> Path:
    small.save(tmp_path)
    seal(tmp_path)
    return tmp_path


def test_a_changed_vocabulary_is_refused_by_name(sealed: Path) -> None:
    load_tokenizer(sealed)
    vocab = sealed / "vocab.txt"
    lines = vocab.read_text("utf-8").split("\n")
    lines[100], lines[101] = lines[101], lines[100]
    vocab.write_text("\n".join(lines), "utf-8")
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(sealed)
    assert (error.value.code, error.value.where) == ("MM0310", str(vocab))
    assert load_tokenizer(vocab).vocab_size == len(lines) - 1  # as a peer's file, on purpose


def test_what_transformers_writes_again_opens(sealed: Path, small: WordPiece) -> None:
    from transformers import AutoTokenizer

    before = (sealed / "tokenizer.json").read_bytes()
    AutoTokenizer.from_pretrained(sealed).save_pretrained(sealed)
    assert (sealed / "tokenizer.json").read_bytes() != before
    again = load_tokenizer(sealed)
    assert again.encode_batch(SENTENCES).ids.tolist() == small.encode_batch(SENTENCES).ids.tolist()


def test_line_ends_of_git_on_windows_change_nothing(sealed: Path) -> None:
    vocab = sealed / "vocab.txt"
    vocab.write_bytes(vocab.read_bytes().replace(b"\n", b"\r\n"))
    load_tokenizer(sealed)


def test_binary_models_are_compared_byte_by_byte(tmp_path: Path) -> None:
    (tmp_path / "malmoi.json").write_text('{"kind": "unigram", "vocab_size": 8}')
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a\x0d\x0a")
    seal(tmp_path)
    assert read_settings(tmp_path / "malmoi.json")["vocab_size"] == 8
    check_seal(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a\x0a")
    with pytest.raises(MalmoiError, match="MM0310"):
        check_seal(tmp_path)


def test_folders_nobody_sealed_open(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path)
    assert load_tokenizer(tmp_path).vocab_size == small.vocab_size


@pytest.mark.parametrize(
    "change",
    [
        {"files": []},
        {"files": {"/dev/zero": "x"}},
        {"words": ["없는말"]},
        {"words": "말모이"},
        {"learned": "a"},
        {"analyzer": ["kiwi"]},
    ],
)
def test_a_malmoi_json_of_another_shape_is_refused(sealed: Path, change: dict[str, object]) -> None:
    about = read_settings(sealed / "malmoi.json")
    (sealed / "malmoi.json").write_text(json.dumps(about | change), "utf-8")
    with pytest.raises(MalmoiError, match="MM0203"):
        load_tokenizer(sealed)


def test_bytes_are_read_from_what_is_sealed(tmp_path: Path) -> None:
    """A tokenizer.json edited by others changes no id of ours, wherever the folder is entered."""
    before = learned("bytebpe")
    before.save(tmp_path)
    seal(tmp_path)
    state = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    state["model"]["merges"] = state["model"]["merges"][:3]
    (tmp_path / "tokenizer.json").write_text(json.dumps(state), "utf-8")
    for place in (tmp_path, tmp_path / "vocab.json", tmp_path / "tokenizer.json"):
        again = load_tokenizer(place)
        assert again.encode_batch(SENTENCES).ids.tolist() == before.encode_batch(SENTENCES).ids.tolist()


def test_peers_that_split_otherwise_have_another_digest(tmp_path: Path) -> None:
    for name, space in (("with", True), ("without", False)):
        library = Library(
            models.BPE({"a": 0, "[PAD]": 1, "[UNK]": 2, "[CLS]": 3, "[SEP]": 4, "[MASK]": 5}, [])
        )
        library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=space)
        (tmp_path / f"{name}.json").write_text(library.to_str(), "utf-8")
        load_tokenizer(tmp_path / f"{name}.json").save(tmp_path / name)
    assert tokenizer_digest(tmp_path / "with") != tokenizer_digest(tmp_path / "without")


@pytest.mark.parametrize("name", ["malmoi.json", "tokenizer_config.json"])
@pytest.mark.parametrize("held", ["[1, 2]", "null", '"wordpiece"'])
def test_settings_that_are_no_object_are_named(sealed: Path, name: str, held: str) -> None:
    (sealed / name).write_text(held, "utf-8")
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(sealed)
    assert (error.value.code, error.value.where) == ("MM0203", str(sealed / name))
