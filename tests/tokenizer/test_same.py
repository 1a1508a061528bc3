"""What two tokenizers of the same entries are told apart by, and that nothing else tells them apart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from tokenizers import Tokenizer as Library
from tokenizers import normalizers, pre_tokenizers

from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.bytebpe.model import ByteBPE
from malmoi.tokenizer.extend import extend
from malmoi.tokenizer.same import Change, contradictions, deviations
from malmoi.tokenizer.sentencepiece import spm
from malmoi.tokenizer.sentencepiece.model import SentencePiece
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.korean import SENTENCES
from tests.tiny.pieces import KINDS, learned


def found(before: Tokenizer, after: Tokenizer) -> tuple[list[Change], list[Change]]:
    return list(contradictions(before, after)), list(deviations(before, after, tokenizer_digest))


@pytest.mark.parametrize("kind", KINDS)
def test_saved_and_opened_it_is_the_same(kind: str, tmp_path: Path) -> None:
    made = learned(kind)  # type: ignore[arg-type]
    made.save(tmp_path)
    assert found(made, load_tokenizer(tmp_path)) == ([], [])


def test_entries_that_are_words_cut_otherwise(small: WordPiece) -> None:
    """The same vocab.txt, and nearly every line has other ids."""
    one, two, three = words = tuple(e for e in small.entries if "가" <= e <= "힣")[:3]
    worded = WordPiece(small.entries, words=words)
    assert worded.encode_batch(SENTENCES).ids.tolist() != small.encode_batch(SENTENCES).ids.tolist()
    assert found(small, worded) == ([], [Change("words", "-", f"{one}, {two}, {three}")])
    assert found(worded, small)[0] == [Change("words", f"{one}, {two}, {three}", "-")]
    fewer = WordPiece(small.entries, words=words[:1])
    assert found(worded, fewer)[0] == [Change("words", f"{two}, {three}", "-")]


def test_an_extended_vocabulary_passes(small: WordPiece) -> None:
    base = WordPiece([*small.entries, "[unused0]", "말모이"], words=["말모이"])
    known = next(entry for entry in small.entries if "가" <= entry <= "힣")
    assert found(base, extend(base, ["세종 대왕", "뷁"])) == ([], [])
    assert found(base, extend(base, ["뷁", known])) == ([], [Change("words", "-", known)])


def _byte_level(**changes: object) -> ByteBPE:
    made = learned("bytebpe")
    assert isinstance(made, ByteBPE)
    library = Library.from_str(made._library.to_str())
    for name, value in changes.items():
        setattr(library, name, value)
    return ByteBPE(library, made.special, one_space=False)


def test_merges_in_another_order(tmp_path: Path) -> None:
    made = learned("bytebpe")
    made.save(tmp_path)
    first, *lines = (tmp_path / "merges.txt").read_text("utf-8").rstrip("\n").split("\n")
    (tmp_path / "merges.txt").write_text("\n".join([first, *lines[::-1]]) + "\n", "utf-8")
    other = load_tokenizer(tmp_path)
    assert other.encode_batch(SENTENCES).ids.tolist() != made.encode_batch(SENTENCES).ids.tolist()
    assert found(made, other)[0] == [Change("merges", lines[0], lines[-1])]


def test_how_a_byte_level_vocabulary_splits_and_rewrites() -> None:
    base = _byte_level()
    assert found(base, _byte_level()) == ([], [])
    assert [c.name for c in found(learned("bytebpe"), base)[0]] == ["spaces"]
    spaceless = pre_tokenizers.ByteLevel(add_prefix_space=False)
    assert [c.name for c in found(base, _byte_level(pre_tokenizer=spaceless))[0]] == ["pre_tokenizer"]
    lower = normalizers.Lowercase()
    assert [c.name for c in found(base, _byte_level(normalizer=lower))[0]] == ["normalizer"]
    # Composing is ours in any case: no other ids here, but another file in transformers.
    plain, composing = _byte_level(normalizer=None), _byte_level(normalizer=normalizers.NFC())
    no, some = found(plain, composing)
    assert (no, [c.name for c in some]) == ([], ["tokenizer"])
    assert plain.encode_batch(SENTENCES).ids.tolist() == composing.encode_batch(SENTENCES).ids.tolist()


def test_what_a_sentencepiece_model_holds_beside_its_pieces() -> None:
    base = learned("unigram")
    assert isinstance(base, SentencePiece)

    def changed(**changes: object) -> SentencePiece:
        return SentencePiece(replace(base.model, **changes))  # type: ignore[arg-type]

    assert found(base, changed()) == ([], [])
    kept = changed(spaces=False)
    assert [c.name for c in found(base, kept)[0]] == ["spaces"]
    scores = tuple(replace(p, score=p.score - 1) if i == 40 else p for i, p in enumerate(base.model.pieces))
    assert [c.name for c in found(base, changed(pieces=scores))[1]] == [spm.FILE]
    rest = changed(rest=base.model.rest + b"\x32\x00")  # a field we do not know
    no, (some,) = found(base, rest)
    assert (no, some.name, len(some.before)) == ([], "tokenizer", 12)
