"""unigram, bpe and bytebpe alike: spans in the caller's characters, files that open again, odd input."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.bytebpe.letters import token_bytes
from malmoi.tokenizer.encoding.spaces import IS_SPACE
from malmoi.tokenizer.measure import readable
from tests.tiny.korean import ODD, SENTENCES
from tests.tiny.pieces import KINDS, WORDS, learned

ALPHABET = "가나할머니는 동생ㅋㅏ\u1100\u1161\u11a8.,(菜)aZ1é\u0301\u200b\u0000\n\t\u3000▁👍\u200d🇰\u0958"
KOREAN = st.lists(st.text(st.sampled_from(ALPHABET), max_size=8) | st.sampled_from(WORDS), max_size=6).map(
    " ".join
)
PLAIN = {"unigram": "▁", "bpe": "▁", "bytebpe": "Ġ"}

pytestmark = pytest.mark.parametrize("kind", KINDS)


def _ids_and_spans(tokenizer: Tokenizer, text: str) -> tuple[list[int], list[tuple[int, int]]]:
    encoded = tokenizer.encode_batch([text], specials=False)
    return encoded.ids.tolist(), [tuple(span) for span in encoded.spans.tolist()]


@given(text=KOREAN | st.text(max_size=40))
@settings(max_examples=150, deadline=None)
def test_spans_lie_inside_rise_and_leave_no_visible_character_out(kind: str, text: str) -> None:
    ids, spans = _ids_and_spans(learned(kind), text)
    covered = np.zeros(len(text), np.bool_)
    before = (0, 0)
    for start, end in spans:
        assert 0 <= start < end <= len(text)
        assert start >= before[0]
        assert not text[start].isspace()
        assert not text[end - 1].isspace()
        covered[start:end] = True
        before = (start, end)
    missing = {char for char, known in zip(text, covered, strict=True) if not known and not char.isspace()}
    assert missing <= ({"▁"} if kind != "bytebpe" else set())  # SentencePiece's own sign for a space
    assert len(ids) == len(spans)


@given(text=KOREAN)
@settings(max_examples=150, deadline=None)
def test_a_span_spells_its_piece(kind: str, text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    tokenizer = learned(kind)
    ids, spans = _ids_and_spans(tokenizer, text)
    for token, (start, end) in zip(tokenizer.tokens(ids), spans, strict=True):
        if kind == "bytebpe":
            data = token_bytes([token])[0].removeprefix(b" ")
            assert data in text[start:end].encode()
            assert len(data) > len(text[start + 1 : end - 1].encode()) or not data
        elif token == "▁":
            assert end == start + 1
        elif token != "[UNK]":
            assert text[start:end].replace("▁", "") == token.removeprefix("▁")


@given(text=KOREAN)
@settings(max_examples=150, deadline=None)
def test_composed_and_decomposed_forms_agree(kind: str, text: str) -> None:
    nfc, nfd = (unicodedata.normalize(form, text) for form in ("NFC", "NFD"))
    ids, spans = _ids_and_spans(learned(kind), nfc)
    decomposed_ids, decomposed_spans = _ids_and_spans(learned(kind), nfd)
    assert ids == decomposed_ids
    for (a, b), (c, d) in zip(spans, decomposed_spans, strict=True):
        assert unicodedata.normalize("NFC", nfd[c:d]) == unicodedata.normalize("NFC", nfc[a:b])


def test_odd_texts_among_many_equal_odd_texts_alone(kind: str) -> None:
    tokenizer = learned(kind)
    together = tokenizer.encode_batch(ODD + SENTENCES * 20)
    for index, text in enumerate(ODD):
        alone = tokenizer.encode_batch([text])
        assert together.ids[together.row(index)].tolist() == alone.ids.tolist()
        assert together.spans[together.row(index)].tolist() == alone.spans.tolist()


def test_eojeols_begin_with_a_space_of_their_own_and_white_space_is_one(kind: str) -> None:
    tokenizer = learned(kind)
    words = ["할머니는", "텃밭에서", "고추를"]
    ids, spans = _ids_and_spans(tokenizer, " ".join(words))
    assert _ids_and_spans(tokenizer, "\n" + "\u3000 \t".join(words) + "\xa0")[0] == ids
    begins = [
        start
        for token, (start, _) in zip(tokenizer.tokens(ids), spans, strict=True)
        if token[0] == PLAIN[kind]
    ]
    assert begins == [0, 5, 10]


def test_special_tokens_in_a_text_are_text(kind: str) -> None:
    tokenizer = learned(kind)
    special = tokenizer.special
    ids, _ = _ids_and_spans(tokenizer, "[SEP] [MASK][PAD] [CLS] <s> [unused0]")
    assert not {special.pad, special.cls, special.sep, special.mask} & set(ids)
    assert max(ids) < tokenizer.learned


def test_a_saved_tokenizer_opens_again_and_in_transformers_with_the_same_ids(
    kind: str, tmp_path: Path
) -> None:
    from transformers import AutoTokenizer

    tokenizer = learned(kind)
    tokenizer.save(tmp_path / "a")
    again = load_tokenizer(tmp_path / "a")
    again.save(tmp_path / "b")
    assert tokenizer_digest(tmp_path / "a") == tokenizer_digest(tmp_path / "b")
    assert (again.kind, again.learned, again.special) == (kind, tokenizer.learned, tokenizer.special)
    assert again.tokens(range(again.vocab_size)) == tokenizer.tokens(range(tokenizer.vocab_size))
    texts = ["[unused0]이나 [unused1]", *ODD, *SENTENCES, *WORDS]
    texts = [text for text in texts if "\ud800" not in text and "[MASK]" not in text]
    ours, same = tokenizer.encode_batch(texts), again.encode_batch(texts)
    assert np.array_equal(ours.ids, same.ids)
    assert np.array_equal(ours.spans, same.spans)
    theirs = AutoTokenizer.from_pretrained(tmp_path / "a")
    assert [ours.ids[ours.row(i)].tolist() for i in range(len(texts))] == theirs(texts)["input_ids"]
    special = tokenizer.special
    found = (theirs.pad_token_id, theirs.unk_token_id, theirs.cls_token_id, theirs.sep_token_id)
    assert (*found, theirs.mask_token_id) == (
        special.pad,
        special.unk,
        special.cls,
        special.sep,
        special.mask,
    )
    pairs = list(zip(texts[::2], texts[1::2], strict=False))
    ours = tokenizer.encode_batch(pairs, max_len=16)
    both = theirs([a for a, _ in pairs], [b for _, b in pairs], truncation=True, max_length=16)
    assert [ours.ids[ours.row(i)].tolist() for i in range(len(pairs))] == both["input_ids"]
    assert [ours.segments[ours.row(i)].tolist() for i in range(len(pairs))] == both["token_type_ids"]


def test_a_megabyte_without_a_space(kind: str) -> None:
    tokenizer = learned(kind)
    word = "할머니동생고양이" * 50_000
    encoded = tokenizer.encode_batch(["밤", word, "비가"], specials=False)
    row = encoded.row(1)
    assert encoded.spans[row][0, 0] == 0
    assert encoded.spans[row][-1, 1] == len(word)
    assert encoded.spans[encoded.row(2)][-1, 1] == 2


def test_where_a_word_stands_in_a_long_text_does_not_matter(kind: str) -> None:
    tokenizer = learned(kind)
    word, _ = _ids_and_spans(tokenizer, "ㅋㅋㅋㅋㅋ")
    text = " ".join(SENTENCES * 60) + " ㅋㅋㅋㅋㅋ"
    ids, spans = _ids_and_spans(tokenizer, text)
    assert len(text) > 200_000
    assert ids[-len(word) :] == word
    assert spans[-1][1] == len(text)


def test_nothing_to_encode(kind: str) -> None:
    tokenizer = learned(kind)
    assert tokenizer.encode_batch([]).cu_seqlens.tolist() == [0]
    empty = tokenizer.encode_batch(["", " \t", "\u3000"], specials=False)
    assert empty.cu_seqlens.tolist() == [0, 0, 0, 0]
    assert tokenizer.encode_batch([("", "")]).ids.tolist() == [tokenizer.special.cls] + 2 * [
        tokenizer.special.sep
    ]


def test_white_space_table_is_what_shards_use(kind: str) -> None:
    from malmoi.shards import encode

    assert encode.IS_SPACE is IS_SPACE


def test_tokens_for_the_eye(kind: str) -> None:
    if kind == "bytebpe":
        shown = readable(kind, ["Ġíķł", "Ġë", "ëĭĪ", "\u0120"])
        assert shown == ["▁할", "▁\\xeb", "니", "▁"]
    tokenizer = learned(kind)
    ids = tokenizer.encode_batch(["할머니는 노래를"], specials=False).ids
    shown = "".join(readable(kind, tokenizer.tokens(ids)))
    assert shown.replace("\\xeb\\x9e\\x98", "래") == "▁할머니는▁노래를"
