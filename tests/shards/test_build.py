"""The shards stage: parts, counts, resume, and the errors of its inputs."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.shards import build
from malmoi.shards.build import build_shards
from malmoi.shards.config import ShardsConfig
from malmoi.shards.format import Shards
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.cuts import Cut, cut_at
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import DOCUMENTS


def test_parts_counts_and_tokenizer(shards: Path, small: WordPiece) -> None:
    opened = Shards.open(shards, verify=True)
    assert [part.name for part in opened.train] == ["part-00000", "part-00001"]
    assert [part.name for part in opened.heldout] == ["heldout-00000"]
    assert [len(part.documents) - 1 for part in opened.train] == [9, 8]
    assert (opened.vocab_size, opened.special) == (small.vocab_size, small.special)
    first = [sentence for document in DOCUMENTS[:9] for sentence in document]
    assert opened.train[0].ids.tolist() == small.encode_batch(first, specials=False).ids.tolist()
    counts = json.loads((shards / "manifest.json").read_text("utf-8"))["counts"]
    assert counts["train"]["documents"] == 17
    assert counts["train"]["sentences"] == 9 * 17
    assert counts["train"]["tokens"] == sum(len(part.ids) for part in opened.train)
    assert counts["train"]["eojeols"] == sum(len(s.split()) for d in DOCUMENTS[:17] for s in d)
    assert counts["heldout"]["documents"] == 3
    assert counts["train"]["unk"] == 0
    assert [(part["name"], part["source"]) for part in counts["parts"]] == [
        ("part-00000", "part-00000.txt"),
        ("part-00001", "part-00001.txt"),
        ("heldout-00000", "heldout-00000.txt"),
    ]
    assert {path.name for path in opened.tokenizer_folder.iterdir()} == {
        "malmoi.json",
        "tokenizer.json",
        "tokenizer_config.json",
        "vocab.txt",
    }


def test_two_workers_write_the_same_bytes(
    shards: Path, corpus: Path, tokenizer: Path, tmp_path: Path
) -> None:
    build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "two", Context(workers=2))
    assert Shards.open(tmp_path / "two").digest == Shards.open(shards).digest


def test_a_small_corpus_is_cut_evenly(
    corpus: Path, tokenizer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(build, "SMALLEST", 500)
    counts = build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "shards").counts
    pieces = [part["bytes"] for part in counts["parts"] if part["source"] == "part-00000.txt"]
    assert len(pieces) > 3
    sizes = [end - start for start, end in pieces]
    assert max(sizes) - min(sizes[:-1]) <= len("\n".join(DOCUMENTS[0]).encode()) + 2
    assert [start for start, _ in pieces[1:]] == [end for _, end in pieces[:-1]]
    assert counts["train"]["sentences"] == 9 * 17


def test_second_build_has_nothing_to_do(shards: Path, corpus: Path, tokenizer: Path) -> None:
    before = (shards / "manifest.json").stat().st_mtime_ns
    build_shards(ShardsConfig(engine="tokenizers"), corpus, tokenizer, shards)  # not part of the result
    assert (shards / "manifest.json").stat().st_mtime_ns == before


def test_a_cut_build_goes_on_with_what_is_left(corpus: Path, tokenizer: Path, tmp_path: Path) -> None:
    out = tmp_path / "shards"
    second = corpus / "part-00001.txt"
    whole = second.read_bytes()
    second.write_bytes(whole[:-1] + b"\xff")  # same size: found only when it is read
    with pytest.raises(MalmoiError, match="MM0214"):
        build_shards(ShardsConfig(), corpus, tokenizer, out)
    done = tmp_path / "shards.tmp" / "slices" / "part-part-00000-0" / "ids.npy"
    written = done.stat().st_mtime_ns
    inode = done.stat().st_ino
    second.write_bytes(whole)
    build_shards(ShardsConfig(), corpus, tokenizer, out)
    kept = (out / "part-00000" / "ids.npy").stat()
    assert (kept.st_mtime_ns, kept.st_ino) == (written, inode)
    assert not (out / "slices").exists()
    assert len(Shards.open(out, verify=True).train) == 2


def test_a_build_cut_at_any_change_of_its_folders_goes_on(
    shards: Path, corpus: Path, tokenizer: Path, tmp_path: Path
) -> None:
    with cut_at(None) as changes:
        build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "whole")
    digest = Shards.open(shards).digest
    for number in range(18, changes.seen, 2):  # from the slices on
        out = tmp_path / f"cut{number}"
        with pytest.raises(Cut), cut_at(number):
            build_shards(ShardsConfig(), corpus, tokenizer, out)
        build_shards(ShardsConfig(), corpus, tokenizer, out)
        assert Shards.open(out).digest == digest, number
        shutil.rmtree(out)


def test_documents_without_tokens_vanish(tokenizer: Path, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", ["\u200b\n\n밤늦게\n\n\u200b\n", "\n\n"], ["\u200b\n"])
    opened = build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "shards")
    assert opened.counts["train"]["documents"] == 1
    assert [part["name"] for part in opened.counts["parts"]] == ["part-00000"]
    assert Shards.open(tmp_path / "shards", verify=True).heldout == ()


def test_no_text_at_all(tokenizer: Path, tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", ["\n\n"], ["밤늦게\n"])
    with pytest.raises(MalmoiError, match="MM0306"):
        build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "shards")
    assert not (tmp_path / "shards").exists()


def test_a_vocabulary_that_does_not_know_the_text_is_warned_of(corpus: Path, tmp_path: Path) -> None:
    WordPiece(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "."]).save(tmp_path / "english")
    with pytest.warns(UserWarning, match=r"MM0307.* % of the tokens are \[UNK\]"):
        build_shards(ShardsConfig(), corpus, tmp_path / "english", tmp_path / "shards")


def test_a_peers_vocabulary_serves(corpus: Path, shared_data: Path, tmp_path: Path) -> None:
    vocab = shared_data / "tokenizers/koelectra_32200/vocab.txt"
    with pytest.warns(UserWarning, match="MM0307"):  # it lacks some of our syllables
        build_shards(ShardsConfig(), corpus, vocab, tmp_path / "shards")
    opened = Shards.open(tmp_path / "shards", verify=True)
    assert opened.vocab_size == 32_200
    assert (opened.tokenizer_folder / "vocab.txt").read_bytes() == vocab.read_bytes() + b"\n"


def test_special_tokens_in_the_corpus_do_not_become_special(tokenizer: Path, tmp_path: Path) -> None:
    lines = "[CLS] 밤늦게 [SEP] [MASK] [PAD]\n" * 3_000  # enough for tokie
    corpus = make_corpus(tmp_path / "corpus", [lines], [])
    with pytest.warns(UserWarning, match="MM0307"):
        build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "shards")
    found = set(np.unique(Shards.open(tmp_path / "shards").train[0].ids).tolist())
    assert not {0, 2, 3, 4} & found


def test_other_stages_are_refused(shards: Path, tokenizer: Path, corpus: Path, tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match="MM0012"):
        build_shards(ShardsConfig(), shards, tokenizer, tmp_path / "out")
    with pytest.raises(MalmoiError, match="MM0202"):
        build_shards(ShardsConfig(), corpus, corpus, tmp_path / "out")
    shutil.rmtree(tokenizer)
    with pytest.raises(MalmoiError, match="MM0201"):
        build_shards(ShardsConfig(), corpus, tokenizer, tmp_path / "out")
