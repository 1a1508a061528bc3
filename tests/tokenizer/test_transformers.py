"""What we write, in other people's hands: `AutoTokenizer` gives our ids, of decomposed text as well."""

from __future__ import annotations

import json
import re
import unicodedata
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from malmoi.errors import MalmoiError
from malmoi.special import SPECIAL_TOKENS
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.bytebpe.model import ByteBPE
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.learner import LearningTask, learn
from malmoi.tokenizer.sentencepiece.model import SentencePiece
from malmoi.tokenizer.wordpiece.model import HANJA, WordPiece
from tests.tiny.korean import ODD, SENTENCES
from tests.tiny.pieces import SHARED, WORDS
from tests.tokenizer.test_wordpiece import ALPHABET

transformers = pytest.importorskip("transformers")

KINDS: dict[str, int] = {"wordpiece": 312, "unigram": 176, "bpe": 232, "bytebpe": 380}
USER = (
    "말모이",
    "모이주머니",
    "말모이책",
    "이책",
    "세종 대왕",
    "C++",
    "豈菜",
    "ㅋㅋ",
    "뷁",
    "Kim",
    "👩\u200d👧",
)
CASES = [(kind, words) for kind in KINDS for words in ((), USER)]
# Compatibility ideographs (U+F9xx and plane 2) become others in NFC, as do the ohm and Kelvin signs, wide
# letters stay; the Kirghiz, Hindi and Arabic have no entry of their own.
SIGNS = ["\uf900菜", "\uf9d0\uf92a書", "\U0002f800", "\u2126\u212a", "ＡＢ１", "Жаңы", "नमस्ते", "مرحبا", "אָ"]
SIGNS += [
    "\u0344",
    "\u1100\u1161\u11a8\u11a8",
    "가\u11a8",
    "ᄀ\u1161\u302e",
    "👩\u200d👩\u200d👧",
    "🇰🇷",
    "🏽",
    "☺\ufe0f",
]
MIXED = [
    *SIGNS,
    *USER,
    *WORDS[::40],
    *SENTENCES[::9],
    "새말모이를",
    "이책을 豈菜와",
    "\u200b",
    "C",
    "+",
    "대왕",
]
TEXTS = [f"{a} {b}{a}" for a, b in zip(MIXED, MIXED[1:] + MIXED[:1], strict=True)]
TEXTS += [text for text in ODD if "[MASK]" not in text and "\ud800" not in text]
FORMS = ("NFC", "NFD")
# Nothing in the texts drawn that BERT drops, for inside a word that makes a difference (see below).
LETTERS = [char for char in ALPHABET if char not in "\u200b\0"]
DRAWN = st.lists(st.sampled_from(MIXED) | st.text(st.sampled_from(LETTERS), max_size=6), max_size=6)


@cache
def ours(kind: str, words: tuple[str, ...]) -> Tokenizer:
    size = KINDS[kind] + len(words)
    config = TokenizerConfig(kind=kind, vocab_size=size)
    tokenizer = learn(LearningTask(config, lambda: iter([SHARED]), "corpus", words=words)).tokenizer
    assert tokenizer.vocab_size == size + -size % 8
    return tokenizer


@cache
def theirs(kind: str, words: tuple[str, ...]) -> Any:
    folder = Path(mkdtemp())
    ours(kind, words).save(folder)
    return transformers.AutoTokenizer.from_pretrained(folder)


def _rows(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    encoded = tokenizer.encode_batch(texts)
    return [encoded.ids[encoded.row(i)].tolist() for i in range(len(texts))]


@pytest.mark.parametrize(("kind", "words"), CASES)
def test_the_same_ids_of_composed_and_decomposed_text(kind: str, words: tuple[str, ...]) -> None:
    for form in FORMS:
        texts = [unicodedata.normalize(form, text) for text in TEXTS]
        expected = _rows(ours(kind, words), texts)
        for text, row, mine in zip(texts, theirs(kind, words)(texts)["input_ids"], expected, strict=True):
            assert row == mine, ascii(text)
    for word in words:
        assert ours(kind, words).tokens(_rows(ours(kind, words), [f"새{word}를"])[0]).count(word) == 1


@pytest.mark.parametrize(("kind", "words"), CASES)
@given(DRAWN, st.sampled_from([*FORMS, "as it is"]), st.sampled_from(["", " "]))
@settings(max_examples=150, deadline=None)
def test_the_same_ids_of_drawn_text(
    kind: str, words: tuple[str, ...], parts: list[str], form: str, between: str
) -> None:
    text = between.join(parts)
    text = unicodedata.normalize(form, text) if form in FORMS else text
    assert theirs(kind, words)(text)["input_ids"] == _rows(ours(kind, words), [text])[0]


@pytest.mark.parametrize("model", [None, "bert", "electra"])
@pytest.mark.parametrize("kind", KINDS)
def test_all_that_goes_with_ids(kind: str, model: str | None, tmp_path: Path) -> None:
    """In a tokenizer's folder as in a model's, where transformers has a class of its own to choose."""
    tokenizer = ours(kind, USER)
    tokenizer.save(tmp_path)
    if model:
        (tmp_path / "config.json").write_text(json.dumps({"model_type": model}))
    opened = transformers.AutoTokenizer.from_pretrained(tmp_path)
    special = tokenizer.special
    found = [getattr(opened, f"{name}_token_id") for name in ("pad", "unk", "cls", "sep", "mask")]
    assert found == [special.pad, special.unk, special.cls, special.sep, special.mask]
    assert (opened.model_max_length, len(opened)) == (512, tokenizer.vocab_size)
    texts = [unicodedata.normalize("NFD", text) for text in SENTENCES[:4]]
    padded = opened(texts, padding=True, return_tensors="np")
    for i, row in enumerate(_rows(tokenizer, texts)):
        width = padded["input_ids"].shape[1]
        assert padded["input_ids"][i].tolist() == row + [special.pad] * (width - len(row))
        assert padded["attention_mask"][i].sum() == len(row)
    both = opened(texts[:2], texts[2:], truncation=True, max_length=24)
    pairs = tokenizer.encode_batch(list(zip(texts[:2], texts[2:], strict=True)), max_len=24)
    assert [pairs.ids[pairs.row(i)].tolist() for i in range(2)] == both["input_ids"]
    assert [pairs.segments[pairs.row(i)].tolist() for i in range(2)] == both["token_type_ids"]
    assert opened("노래 [MASK]")["input_ids"].count(special.mask) == 1
    # What transformers writes again is the same to both.
    opened.save_pretrained(tmp_path / "again")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "again")
    assert again(texts)["input_ids"] == _rows(tokenizer, texts)


@pytest.mark.parametrize("one_spelling", [True, False])
@pytest.mark.parametrize(("kind", "words"), CASES)
def test_what_transformers_wrote_again_opens_here(
    kind: str, words: tuple[str, ...], one_spelling: bool, tmp_path: Path
) -> None:
    """Neither malmoi.json nor vocab.txt, tokenizer.model or vocab.json is left: ids, spans and words are."""
    tokenizer = ours(kind, words)
    before, tokenizer.one_spelling = tokenizer.one_spelling, one_spelling
    tokenizer.save(tmp_path / "ours")
    transformers.AutoTokenizer.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "again")
    assert {file.name for file in (tmp_path / "again").iterdir()} == {
        "tokenizer.json",
        "tokenizer_config.json",
    }
    again = load_tokenizer(tmp_path / "again")
    texts = [*TEXTS, "\uff8e\uffc2\uffbe 반각", "\u1112\u119e\u11ab글 \uf53a"]
    expected, found = tokenizer.encode_batch(texts), again.encode_batch(texts)
    tokenizer.one_spelling = before
    assert found.ids.tolist() == expected.ids.tolist() and found.spans.tolist() == expected.spans.tolist()
    assert (again.kind, again.special, again.one_spelling) == (kind, tokenizer.special, one_spelling)
    every = range(tokenizer.vocab_size)
    assert again.tokens(every) == tokenizer.tokens(every)
    assert isinstance(again, WordPiece | SentencePiece | ByteBPE) and again.words == words
    again.save(tmp_path / "third")
    assert load_tokenizer(tmp_path / "third").encode_batch(texts).ids.tolist() == expected.ids.tolist()


@pytest.mark.parametrize("kind", ["unigram", "bpe"])
@pytest.mark.parametrize("part", ["normalizer", "pre_tokenizer", "added_tokens", "model"])
def test_a_sentencepiece_of_other_rules_in_a_tokenizer_json_is_refused(
    kind: str, part: str, tmp_path: Path
) -> None:
    ours(kind, USER).save(tmp_path / "ours")
    file = tmp_path / "tokenizer.json"
    state = json.loads((tmp_path / "ours/tokenizer.json").read_text("utf-8"))
    if part == "normalizer":
        state[part]["normalizers"] = state[part]["normalizers"][:1]
    elif part == "pre_tokenizer":
        state[part]["prepend_scheme"] = "never"
    elif part == "added_tokens":  # as after tokenizer.add_tokens
        state[part].append(state[part][-1] | {"id": ours(kind, USER).vocab_size, "content": "새낱말"})
    elif kind == "unigram":
        state[part]["byte_fallback"] = True
    else:
        state[part]["merges"] = state[part]["merges"][1:]
    file.write_text(json.dumps(state, ensure_ascii=False), "utf-8")
    with pytest.raises(MalmoiError) as error:
        load_tokenizer(tmp_path)
    assert (error.value.code, error.value.where) == ("MM0203", str(file))
    assert part in str(error.value) or "새낱말" in str(error.value)


@pytest.mark.parametrize("kind", KINDS)
def test_where_user_words_differ(kind: str) -> None:
    """What the docs tell: they look in normalised text, we in the text as it is, composed."""
    word = ours(kind, USER).tokens(range(ours(kind, USER).vocab_size)).index("세종 대왕")
    for text in (
        ("세종\u00a0대왕", "세종\t대왕") if kind != "wordpiece" else ("세종\t대왕", "세종 \u200b대왕")
    ):
        assert word in theirs(kind, USER)(text)["input_ids"]
        assert word not in _rows(ours(kind, USER), [text])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_ids_become_tokens_and_the_same_ids_again(kind: str) -> None:
    """A word with hanja too, which BERT's normaliser would spell with spaces around them."""
    opened, every = theirs(kind, USER), list(range(ours(kind, USER).vocab_size))
    tokens = opened.convert_ids_to_tokens(every)
    assert tokens == ours(kind, USER).tokens(every) and set(USER) < set(tokens)
    assert opened.convert_tokens_to_ids(tokens) == every


HANJA_WORDS = ("漢字語", "말모이漢字", "字말")
HANJA_TEXTS = [
    "새漢字語를",
    "말모이漢字語",
    "漢字말모이漢字字말",
    "漢 字 語漢字",
    "漢字\n語 새",
    "새漢를字말를",
]


def _with_hanja() -> WordPiece:
    entries = [*SPECIAL_TOKENS, *"漢字語새말를", *(f"##{char}" for char in "새말를모이"), *HANJA_WORDS]
    return WordPiece(entries, words=HANJA_WORDS)


def test_words_with_hanja_inside_others(tmp_path: Path) -> None:
    """Ids, offsets and spelling, as we write the folder, as transformers writes it again, and opened here."""
    tokenizer = _with_hanja()
    tokenizer.save(tmp_path / "ours")
    transformers.AutoTokenizer.from_pretrained(tmp_path / "ours").save_pretrained(tmp_path / "again")
    for folder in ("ours", "again"):
        opened, here = transformers.AutoTokenizer.from_pretrained(tmp_path / folder), tmp_path / folder
        for text in HANJA_TEXTS:
            for form in FORMS:
                shown = unicodedata.normalize(form, text)
                found = opened(shown, add_special_tokens=False, return_offsets_mapping=True)
                encoded = tokenizer.encode_batch([shown], specials=False)
                assert found["input_ids"] == encoded.ids.tolist(), text
                assert (
                    load_tokenizer(here).encode_batch([shown], specials=False).ids.tolist()
                    == found["input_ids"]
                )
                assert opened.convert_ids_to_tokens(found["input_ids"]) == tokenizer.tokens(encoded.ids)
                if form == "NFC":
                    assert [list(pair) for pair in found["offset_mapping"]] == encoded.spans.tolist()
    assert tokenizer.tokens(tokenizer.encode_batch(["漢字말모이漢字字말"], specials=False).ids) == [
        "漢", "字말", "[UNK]", "漢", "字", "字말",
    ]  # fmt: skip


def test_python_s_own_bert_tokenizer_with_hanja_words(tmp_path: Path) -> None:
    legacy = pytest.importorskip("transformers.models.bert.tokenization_bert_legacy")
    tokenizer = _with_hanja()
    tokenizer.save(tmp_path)
    opened = legacy.BertTokenizerLegacy.from_pretrained(tmp_path)
    for text in HANJA_TEXTS:
        ids = opened(text, add_special_tokens=False)["input_ids"]
        assert ids == tokenizer.encode_batch([text], specials=False).ids.tolist(), text
        assert opened.convert_tokens_to_ids(opened.convert_ids_to_tokens(ids)) == ids


def test_hanja_are_those_of_the_library() -> None:
    bert = normalizers.BertNormalizer(clean_text=False, strip_accents=False, lowercase=False)
    chars = [chr(code) for code in range(1, 0x110000) if not 0xD800 <= code < 0xE000]
    split = [char for char in chars if bert.normalize_str(char) != char]
    assert split == re.findall(HANJA, "".join(chars))


def test_a_tokenizer_of_bert_s_own_class_does_not_compose(tmp_path: Path) -> None:
    tokenizer = ours("wordpiece", ())
    tokenizer.save(tmp_path)
    opened = transformers.BertTokenizer.from_pretrained(tmp_path)
    text = SENTENCES[0]
    assert opened(text)["input_ids"] == _rows(tokenizer, [text])[0]
    assert opened(unicodedata.normalize("NFD", text))["input_ids"] != _rows(tokenizer, [text])[0]


@pytest.mark.filterwarnings("ignore:MM0208")
def test_decomposed_text_in_a_vocabulary_that_lower_cases(tmp_path: Path) -> None:
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "가나", "é", "e", "new", "KoBERT", "##s"]
    for strip in (True, False):
        tokenizer = WordPiece(entries, lower_case=True, strip_accents=strip, words=["KoBERT"])
        tokenizer.save(tmp_path)
        opened = transformers.AutoTokenizer.from_pretrained(tmp_path)
        texts = ["가나 É NEW news", unicodedata.normalize("NFD", "가나 É"), "NewKoBERTs kobert"]
        assert opened(texts)["input_ids"] == _rows(tokenizer, texts) == _rows(load_tokenizer(tmp_path), texts)
