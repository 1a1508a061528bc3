"""Peers' SentencePiece models and byte-level BPEs open as they are; what is none, or broken, says so."""

from __future__ import annotations

import io
import json
import lzma
import shutil
import subprocess
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import sentencepiece
from tokenizers import Tokenizer as Library
from tokenizers import models, pre_tokenizers, trainers

from malmoi.errors import MalmoiError
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import load_tokenizer
from malmoi.tokenizer.sentencepiece import spm
from malmoi.tokenizer.sentencepiece.model import SentencePiece
from tests.tiny.korean import ODD, SENTENCES
from tests.tiny.pieces import SHARED, WORDS, learned


def _fails(path: Path) -> MalmoiError:
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(path)
    return error.value


@pytest.fixture
def model(tmp_path: Path) -> Path:
    learned("unigram").save(tmp_path / "ours")
    return tmp_path / "ours" / "tokenizer.model"


def peer(folder: Path, **settings: object) -> Path:
    """A model with SentencePiece's own normaliser, as most peers have."""
    out = io.BytesIO()
    settings = {
        "model_type": "unigram",
        "vocab_size": 190,
        "pad_id": 3,
        "normalization_rule_name": "nmt_nfkc",
    } | settings
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(SHARED.split("\n")),
        model_writer=out,
        user_defined_symbols=["[CLS]", "[SEP]", "[MASK]"],
        hard_vocab_limit=False,
        minloglevel=2,
        **settings,
    )
    folder.mkdir()
    (folder / "spiece.model").write_bytes(out.getvalue())
    return folder / "spiece.model"


def test_kortok(shared_data: Path) -> None:
    folder = shared_data / "tokenizers/kortok/sp-32k"
    tokenizer = load_tokenizer(folder)
    assert (tokenizer.kind, tokenizer.vocab_size, tokenizer.special.mask) == ("bpe", 32_000, 6)
    encoded = tokenizer.encode_batch(["한국어  모델을 공유합니다."], specials=False)
    assert tokenizer.tokens(encoded.ids) == ["▁한국어", "▁모델을", "▁공유", "합니다", "."]
    assert encoded.spans.tolist() == [[0, 3], [5, 8], [9, 11], [11, 14], [14, 15]]
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tok.model"))
    lines: list[str] = []
    for name in ("kowiki", "nsmc_reviews"):
        with lzma.open(shared_data / "corpus" / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
            lines += [line.removesuffix("\n") for line in islice(stream, 2_000)]
    ours = tokenizer.encode_batch(lines, specials=False)
    assert [ours.ids[ours.row(i)].tolist() for i in range(len(lines))] == theirs.encode(lines, num_threads=1)
    assert load_tokenizer(folder / "tok.model").encode_batch(lines).ids.shape[0] == len(ours.ids) + 2 * len(
        lines
    )


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"add_dummy_prefix": False},
        {"remove_extra_whitespaces": False},
        {"treat_whitespace_as_suffix": True},
        {"byte_fallback": True, "vocab_size": 420},
        {"model_type": "bpe", "split_by_whitespace": False, "vocab_size": 600},
    ],
)
def test_a_peer_keeps_its_normaliser_and_spans_are_in_the_callers_characters(
    tmp_path: Path, settings: dict[str, object]
) -> None:
    path = peer(tmp_path / "peer", **settings)
    tokenizer = load_tokenizer(path.parent)
    theirs = sentencepiece.SentencePieceProcessor(model_file=str(path))
    texts = [text for text in [*ODD, *SENTENCES, *WORDS] if "\ud800" not in text and "[" not in text]
    texts = [
        text for text in texts if "\u0301" not in text and "\u0958" not in text
    ]  # those we compose first
    ours = tokenizer.encode_batch(texts, specials=False)
    assert [ours.ids[ours.row(i)].tolist() for i in range(len(texts))] == theirs.encode(texts)
    for index, text in enumerate(texts):
        spans = ours.spans[ours.row(index)].tolist()
        assert all(0 <= start < end <= max(1, len(text)) for start, end in spans)
        assert spans == sorted(spans, key=lambda span: span[0])
        if text.strip():
            assert not any(text[start].isspace() or text[end - 1].isspace() for start, end in spans)
    wide = tokenizer.encode_batch(["ＡＢ　３월 ㎏"], specials=False)
    text = "ＡＢ　３월 ㎏"
    assert text[wide.spans[-1][0] : wide.spans[-1][1]] == "㎏"
    again = tmp_path / "again"
    tokenizer.save(again)
    assert (again / "tokenizer.json").exists() == (not settings)
    same = load_tokenizer(again).encode_batch(texts, specials=False)
    assert np.array_equal(same.ids, ours.ids)
    assert np.array_equal(same.spans, ours.spans)


def test_special_tokens_a_peer_finds_in_texts_are_text_to_us(tmp_path: Path) -> None:
    tokenizer = load_tokenizer(peer(tmp_path / "peer"))
    ids = tokenizer.encode_batch(["[MASK] 할머니는 [SEP]"], specials=False).ids
    assert not {tokenizer.special.mask, tokenizer.special.sep} & set(ids.tolist())


def test_lengths_of_pieces_and_the_librarys_offsets_agree() -> None:
    tokenizer = learned("unigram")
    assert isinstance(tokenizer, SentencePiece)
    asked = SentencePiece(tokenizer.model)
    asked._spellings = [
        "\0\n"
    ] * tokenizer.vocab_size  # no piece spells anything: the library is always asked
    texts = [*ODD, *SENTENCES, *WORDS]
    ours, theirs = tokenizer.encode_batch(texts), asked.encode_batch(texts)
    assert np.array_equal(ours.ids, theirs.ids)
    assert np.array_equal(ours.spans, theirs.spans)


def test_a_model_is_written_as_it_was_read(model: Path, shared_data: Path) -> None:
    for file in (model, shared_data / "tokenizers/kortok/sp-32k/tok.model"):
        assert spm.read_model(file).to_bytes() == file.read_bytes()


def test_a_model_cut_anywhere_is_refused(model: Path) -> None:
    data = model.read_bytes()
    for size in range(1, len(data), 37):
        model.write_bytes(data[:size])
        error = _fails(model)
        assert (error.code, error.where) == ("MM0231", str(model))


def test_what_is_no_model(tmp_path: Path, model: Path) -> None:
    (tmp_path / "empty.model").write_bytes(b"")
    assert _fails(tmp_path / "empty.model").code == "MM0204"
    (tmp_path / "text.model").write_text("가나다\n", "utf-8")
    assert _fails(tmp_path / "text.model").code == "MM0231"
    two = spm.read_model(model)
    (tmp_path / "twice.model").write_bytes(replace(two, pieces=(*two.pieces, two.pieces[7])).to_bytes())
    error = _fails(tmp_path / "twice.model")
    assert error.code == "MM0231"
    assert two.pieces[7].text in error.what
    bare = replace(two, pieces=tuple(piece for piece in two.pieces if piece.text != "[MASK]"))
    (tmp_path / "bare.model").write_bytes(bare.to_bytes())
    assert _fails(tmp_path / "bare.model").what == "the vocabulary lacks special tokens: [MASK]"


def test_a_model_of_words_is_refused(tmp_path: Path) -> None:
    error = _fails(peer(tmp_path / "peer", model_type="char"))
    assert (error.code, error.values["found"]) == ("MM0203", "char")


def test_a_list_beside_a_model_must_be_its_own(model: Path) -> None:
    tokenizer = learned("unigram")
    entries = tokenizer.tokens(range(tokenizer.vocab_size))
    beside = model.parent / "vocab.txt"
    beside.write_text("\n".join(entries) + "\n", "utf-8")
    (model.parent / "malmoi.json").unlink()
    assert load_tokenizer(model.parent).kind == "unigram"
    beside.write_text("\n".join(reversed(entries)) + "\n", "utf-8")
    error = _fails(model.parent)
    assert (error.code, error.where) == ("MM0808", str(beside))
    assert f"0 is '{entries[-1]}' in vocab.txt and '{entries[0]}' in the model" in error.what
    subprocess.run(["bash", "-c", error.do[error.do.index("mv ") :]], check=True)
    assert load_tokenizer(model.parent).kind == "unigram"
    beside.write_text("\n".join(entries[:-1]), "utf-8")
    assert f"'' in vocab.txt and '{entries[-1]}' in the model" in _fails(model.parent).what


@pytest.fixture(scope="module")
def roberta() -> Library:
    """A byte-level BPE as RoBERTa has it: other names, white space kept, no space before a text."""
    library = Library(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    specials = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        special_tokens=specials,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    library.train_from_iterator(SHARED.split("\n"), trainer)
    return library


def test_a_byte_level_peer_in_one_file_or_two(roberta: Library, tmp_path: Path) -> None:
    (tmp_path / "halves").mkdir()
    roberta.model.save(str(tmp_path / "halves"))
    (tmp_path / "one").mkdir()
    roberta.save(str(tmp_path / "one" / "tokenizer.json"))
    texts = ["할머니는  마당에서", " 앞이 빈 글 ", "뷁👍", "", "두\n줄", "<s> <mask>"]
    expected = [roberta.encode(text, add_special_tokens=False).ids for text in texts[:-1]]
    for path in (
        tmp_path / "halves",
        tmp_path / "halves/vocab.json",
        tmp_path / "one",
        tmp_path / "one/tokenizer.json",
    ):
        tokenizer = load_tokenizer(path)
        assert (tokenizer.kind, tokenizer.special.cls, tokenizer.special.pad) == ("bytebpe", 0, 1)
        ours = tokenizer.encode_batch(texts, specials=False)
        assert [ours.ids[ours.row(i)].tolist() for i in range(len(texts) - 1)] == expected
        assert not {0, 4} & set(ours.ids[ours.row(5)].tolist())
        for index, text in enumerate(texts):
            spans = ours.spans[ours.row(index)].tolist()
            assert not any(text[start].isspace() or text[end - 1].isspace() for start, end in spans)
        tokenizer.save(tmp_path / "again")
        same = load_tokenizer(tmp_path / "again").encode_batch(texts, specials=False)
        assert np.array_equal(same.ids, ours.ids)
        assert np.array_equal(same.spans, ours.spans)
        shutil.rmtree(tmp_path / "again")


@pytest.mark.parametrize("prefix", [False, True])
def test_texts_of_white_space_alone_keep_the_library_s_spans(
    roberta: Library, tmp_path: Path, prefix: bool
) -> None:
    library = Library.from_str(roberta.to_str())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    library.save(str(tmp_path / "tokenizer.json"))
    tokenizer = load_tokenizer(tmp_path)
    texts = [" ", "  ", " \n ", "\u3000", "\t \u3000\n", ""]
    encoded = tokenizer.encode_batch(texts, specials=False)
    for index, text in enumerate(texts):
        spans = [tuple(span) for span in encoded.spans[encoded.row(index)].tolist()]
        assert spans == library.encode(text, add_special_tokens=False).offsets
    # U+2000 is another space in NFC.
    assert tokenizer.encode_batch(["\u2000 "], specials=False).spans[-1].tolist() == [1, 2]


def test_broken_halves(tmp_path: Path) -> None:
    folder = tmp_path / "ours"
    learned("bytebpe").save(folder)
    for name in ("malmoi.json", "tokenizer.json"):
        (folder / name).unlink()
    merges = (folder / "merges.txt").read_text("utf-8")
    (folder / "merges.txt").write_text(merges + "없는 조각\n", "utf-8")
    error = _fails(folder)
    assert (error.code, error.where) == ("MM0233", str(folder / "merges.txt"))
    (folder / "merges.txt").unlink()
    assert _fails(folder).code == "MM0233"
    (folder / "merges.txt").write_text(merges, "utf-8")
    vocab = json.loads((folder / "vocab.json").read_text("utf-8"))
    (folder / "vocab.json").write_text(json.dumps(vocab | {"뷁": 9_999}), "utf-8")
    assert _fails(folder).values["found"] == "ids ≠ 0, 1, 2, …"
    del vocab["[MASK]"]
    (folder / "vocab.json").write_text(
        json.dumps({entry: index for index, entry in enumerate(vocab)}), "utf-8"
    )
    assert _fails(folder).code == "MM0206"
    (folder / "vocab.json").write_text("{}", "utf-8")
    assert _fails(folder).code == "MM0203"
    (folder / "vocab.json").write_bytes(b"")
    assert _fails(folder).code in ("MM0203", "MM0204")


def test_the_digest_knows_spaces_and_pieces(tmp_path: Path) -> None:
    tokenizer = learned("unigram")
    assert isinstance(tokenizer, SentencePiece)
    tokenizer.save(tmp_path / "a")
    pieces = list(tokenizer.model.pieces)
    pieces[9] = replace(pieces[9], score=pieces[9].score - 1)
    SentencePiece(replace(tokenizer.model, pieces=tuple(pieces))).save(tmp_path / "b")
    assert tokenizer_digest(tmp_path / "a") != tokenizer_digest(tmp_path / "b")
    learned("bytebpe").save(tmp_path / "c")
    before = tokenizer_digest(tmp_path / "c")
    about = json.loads((tmp_path / "c/malmoi.json").read_text("utf-8"))
    (tmp_path / "c/malmoi.json").write_text(json.dumps(about | {"spaces": "kept"}), "utf-8")
    assert tokenizer_digest(tmp_path / "c") != before
