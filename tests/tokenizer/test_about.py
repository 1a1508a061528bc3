"""A sealed folder opens until a file that decides ids changes; what other tools rewrite does no harm."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.errors import MalmoiError
from malmoi.tokenizer.about import check_seal, read_settings, seal
from malmoi.tokenizer.load import load_tokenizer
from malmoi.tokenizer.wordpiece import WordPiece
from tests.tokenizer.korean import SENTENCES


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
