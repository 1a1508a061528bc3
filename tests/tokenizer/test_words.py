"""User words: never split, equal to the library's added tokens, with spans in the caller's characters."""

from __future__ import annotations

import json
import lzma
import unicodedata
from itertools import islice, pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.context import Context
from malmoi.errors import MalmoiError
from malmoi.shards.encode import encode_block
from malmoi.shards.format import STARTS_WORD, tokenizer_digest
from malmoi.tokenizer import Tokenizer, load_tokenizer
from malmoi.tokenizer.config import TokenizerConfig
from malmoi.tokenizer.encoding.user_words import fit_words, read_words
from malmoi.tokenizer.extend import extend
from malmoi.tokenizer.train import train_tokenizer
from malmoi.tokenizer.wordpiece.model import WordPiece
from tests.tiny.corpus import make_corpus
from tests.tiny.korean import SENTENCES, TEXT

# One inside another, one over the end of another, with a space, with signs, hanja, a part of a special token.
WORDS = ("말모이", "모이주머니", "말모이책", "이책", "세종 대왕", "C++", "菜田", "MASK", "ㅋㅋ")
BITS = [*WORDS, *"말모이책 를+([]菜\nㅋ👍", "세종", "대왕", "할머니는", "[MASK]", "[SEP]"]
BITS += ["\u200b", "\u0301", "e\u0301", "\u0958"]
KOREAN = st.lists(st.sampled_from(BITS), max_size=14).map("".join)


@pytest.fixture(scope="module")
def worded(small: WordPiece) -> WordPiece:
    return WordPiece([*small.entries, *WORDS], words=WORDS)


def cut(tokenizer: Tokenizer, text: str) -> list[tuple[str, str]]:
    encoded = tokenizer.encode_batch([text], specials=False)
    spans = encoded.spans.tolist()
    return list(zip(tokenizer.tokens(encoded.ids), (text[a:b] for a, b in spans), strict=True))


def test_a_word_is_one_token_inside_an_eojeol(worded: WordPiece) -> None:
    assert [token for token, _ in cut(worded, "새말모이를")][1:] == ["말모이", "를"]
    assert cut(worded, "세종 대왕의 C++")[0] == ("세종 대왕", "세종 대왕")
    assert [token for token, _ in cut(worded, "말모이책을 말모이주머니")] == [
        "말모이책", "을", "말모이", "[UNK]",
    ]  # fmt: skip


@given(st.lists(KOREAN, max_size=4))
@settings(max_examples=400, deadline=None)
def test_ids_and_spans_are_those_of_the_library_s_added_tokens(worded: WordPiece, texts: list[str]) -> None:
    composed = [unicodedata.normalize("NFC", text) for text in texts]
    ours = worded.encode_batch(composed, specials=False)
    expected = worded._library.encode_batch(composed, add_special_tokens=False)
    for index, theirs in enumerate(expected):
        row = ours.row(index)
        assert ours.ids[row].tolist() == theirs.ids
        assert [tuple(span) for span in ours.spans[row].tolist()] == theirs.offsets


@given(KOREAN)
@settings(max_examples=300, deadline=None)
def test_spans_of_words_hold_the_word_in_the_caller_s_characters(worded: WordPiece, text: str) -> None:
    for form in ("NFC", "NFD"):
        given_text = unicodedata.normalize(form, text)
        encoded = worded.encode_batch([given_text], specials=False)
        spans = encoded.spans.tolist()
        for token, (start, end) in zip(worded.tokens(encoded.ids), spans, strict=True):
            if token in WORDS:
                # BERT drops zero-width characters, and what is left may be an entry that is a word.
                shown = unicodedata.normalize("NFC", given_text[start:end].replace("\u200b", ""))
                assert shown == token
        assert all(a[1] <= b[0] or a == b for a, b in pairwise(spans))


@given(KOREAN)
@settings(max_examples=200, deadline=None)
def test_leftmost_longest_by_a_slow_search(worded: WordPiece, text: str) -> None:
    # Without zero-width characters: BERT drops them, and what is left may be an entry that is a word.
    text = unicodedata.normalize("NFC", text.replace("\u200b", ""))
    found, at = [], 0
    strings = sorted([*WORDS, "[MASK]", "[SEP]"], key=len, reverse=True)
    while at < len(text):
        word = next((word for word in strings if text.startswith(word, at)), None)
        found += [word] if word in WORDS else []
        at += len(word) if word else 1
    # In [MASK] the piece MASK is an ordinary one.
    text = text.replace("[MASK]", "[ ]")
    assert [token for token, _ in cut(worded, text) if token in WORDS] == found


def test_a_fast_engine_gives_the_same(small: WordPiece) -> None:
    texts = [f"{a}말모이{b}" for a, b in pairwise(SENTENCES)] * 12 + ["", "말모이", "[MASK]말모이"]
    fast, slow = (WordPiece([*small.entries, *WORDS], words=WORDS, engine=e) for e in ("auto", "tokenizers"))  # type: ignore[arg-type]
    a, b = fast.encode_batch(texts), slow.encode_batch(texts)
    assert (fast.engine, slow.engine) == ("tokie", "tokenizers")
    assert np.array_equal(a.ids, b.ids) and np.array_equal(a.spans, b.spans)


def test_saved_it_opens_here_and_in_transformers_with_the_same_ids(worded: WordPiece, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    worded.save(tmp_path / "ours")
    texts = ["새말모이를 세종 대왕이", "C++(菜田)ㅋㅋㅋ", "이책말모이책모이주머니"]
    theirs = AutoTokenizer.from_pretrained(tmp_path / "ours")(texts)["input_ids"]
    (tmp_path / "alone").mkdir()
    (tmp_path / "alone/tokenizer.json").write_bytes((tmp_path / "ours/tokenizer.json").read_bytes())
    for folder in ("ours", "alone"):
        opened = load_tokenizer(tmp_path / folder)
        assert isinstance(opened, WordPiece) and set(opened.words) == set(WORDS)
        encoded = opened.encode_batch(texts)
        assert [encoded.ids[encoded.row(i)].tolist() for i in range(3)] == theirs


def test_a_peer_s_added_tokens_are_words(small: WordPiece, tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    small.save(tmp_path)
    (tmp_path / "malmoi.json").unlink()
    theirs = AutoTokenizer.from_pretrained(tmp_path)
    theirs.add_tokens(["말모이", "세종대왕"])
    theirs.save_pretrained(tmp_path / "more")
    opened = load_tokenizer(tmp_path / "more")
    text = "새말모이를 세종대왕께"
    assert opened.vocab_size == small.vocab_size + 2
    assert opened.encode_batch([text]).ids.tolist() == theirs(text)["input_ids"]


def test_older_folders_list_what_was_added_beside_vocab_txt(small: WordPiece, tmp_path: Path) -> None:
    (tmp_path / "vocab.txt").write_text("\n".join(small.entries) + "\n", "utf-8")
    (tmp_path / "added_tokens.json").write_text(json.dumps({"말모이": small.vocab_size}), "utf-8")
    opened = load_tokenizer(tmp_path)
    assert isinstance(opened, WordPiece) and opened.words == ("말모이",)
    assert opened.entries == [*small.entries, "말모이"]
    (tmp_path / "added_tokens.json").write_text(json.dumps({"말모이": small.vocab_size + 3}), "utf-8")
    with pytest.raises(MalmoiError, match="MM0203"):
        load_tokenizer(tmp_path)


@pytest.mark.parametrize("flag", ["single_word", "lstrip", "rstrip"])
def test_added_tokens_that_match_otherwise_are_refused(small: WordPiece, tmp_path: Path, flag: str) -> None:
    WordPiece([*small.entries, "말모이"], words=["말모이"]).save(tmp_path / "ours")
    state = json.loads((tmp_path / "ours/tokenizer.json").read_text("utf-8"))
    next(token for token in state["added_tokens"] if token["content"] == "말모이")[flag] = True
    (tmp_path / "tokenizer.json").write_text(json.dumps(state), "utf-8")
    with pytest.raises(MalmoiError, match=rf"MM0203.*말모이: {flag}"):
        load_tokenizer(tmp_path)


def test_a_list_of_words_that_are_no_entries_is_refused(small: WordPiece, tmp_path: Path) -> None:
    small.save(tmp_path)
    about = json.loads((tmp_path / "malmoi.json").read_text("utf-8"))
    (tmp_path / "malmoi.json").write_text(json.dumps(about | {"words": ["말모이"]}), "utf-8")
    with pytest.raises(MalmoiError, match="MM0203"):
        load_tokenizer(tmp_path)


def test_words_keep_their_case_in_a_vocabulary_that_has_none(tmp_path: Path) -> None:
    entries = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "new", "##s", "KoBERT"]
    tokenizer = WordPiece(entries, lower_case=True, words=["KoBERT"])
    assert cut(tokenizer, "New KoBERTs, NEWS kobert") == [
        ("new", "New"), ("KoBERT", "KoBERT"), ("[UNK]", "s"), ("[UNK]", ","), ("new", "NEW"), ("##s", "S"),
        ("[UNK]", "kobert"),
    ]  # fmt: skip


def test_real_lines_give_what_the_library_gives(shared_data: Path) -> None:
    words = ("영화", "진짜", "ㅋㅋ", "재미", "평점", "배우", "!!", "이 영화", "...", "연기")
    peer = load_tokenizer(shared_data / "tokenizers/koelectra_32200/vocab.txt")
    assert isinstance(peer, WordPiece)
    tokenizer = extend(peer, words)
    with lzma.open(shared_data / "corpus/nsmc_reviews.txt.xz", "rt", encoding="utf-8") as stream:
        lines = [line for line in islice(stream, 4_000) if unicodedata.is_normalized("NFC", line)]
    ours = tokenizer.encode_batch(lines, specials=False)
    assert (
        tokenizer.engine,
        np.isin(ours.ids, [tokenizer.entries.index(w) for w in words]).sum() > 3_000,
    ) == (
        "tokie",
        True,
    )
    for index, theirs in enumerate(tokenizer._library.encode_batch(lines, add_special_tokens=False)):
        row = ours.row(index)
        assert ours.ids[row].tolist() == theirs.ids
        assert [tuple(span) for span in ours.spans[row].tolist()] == theirs.offsets


def test_the_digest_knows_the_words(small: WordPiece, tmp_path: Path) -> None:
    entries = [*small.entries, "말모이"]
    for name, words in (("with", ["말모이"]), ("without", [])):
        WordPiece(entries, words=words).save(tmp_path / name)
    assert tokenizer_digest(tmp_path / "with") != tokenizer_digest(tmp_path / "without")


def test_shards_a_space_inside_a_word_starts_no_eojeol(worded: WordPiece) -> None:
    block = encode_block(worded, "할머니는 세종 대왕을\n세종 대왕 말모이를\n")
    starts = [bool(flag & STARTS_WORD) for flag in block.flags]
    tokens = worded.tokens(block.ids)
    assert [token for token, start in zip(tokens, starts, strict=True) if start] == [
        tokens[0], "세종 대왕", "세종 대왕", "말모이",
    ]  # fmt: skip
    assert len(block.sentences) == 2


# ---- the file


def test_the_file_of_words(tmp_path: Path) -> None:
    file = tmp_path / "words.txt"
    lines = ["말모이", "", unicodedata.normalize("NFD", "말모이"), " 세종 대왕 \r", "뭉게구름\tNNP"]
    lines.append("흰\u00a0 눈\u00a0\u200b")  # as a spreadsheet has it
    lines += [
        "가락\u200b국수",
        "가락국수",
        "\ufeff\uffbe\uffc2늘",
        "👨\u200d👩\u200d👧",
        "\u1112\u119e\u11ab글",
    ]
    file.write_text("\ufeff" + "\n".join(lines), "utf-8")
    assert read_words(file) == (
        *("말모이", "세종 대왕", "뭉게구름", "흰 눈", "가락국수", "하늘"),
        *("👨\u200d👩\u200d👧", "\u1112\u119e\u11ab글"),
    )


@pytest.mark.parametrize("word", ["[MASK]", "[unused3]", "##앞", "가\u0007나", "\u200b", "가\u2028나"])
def test_what_is_no_word_is_named_with_its_line(tmp_path: Path, word: str) -> None:
    file = tmp_path / "words.txt"
    file.write_text(f"말모이\n{word}\n", "utf-8")
    with pytest.raises(MalmoiError) as error:
        read_words(file)
    assert (error.value.code, error.value.where) == ("MM0261", f"{file}:2")


@pytest.mark.parametrize("content", [None, b"", "말모이".encode("cp949")])
def test_a_file_that_cannot_be_read(tmp_path: Path, content: bytes | None) -> None:
    file = tmp_path / "words.txt"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(MalmoiError, match="MM0260"):
        read_words(file)


def test_learned_entries_make_room() -> None:
    entries = ["가", "##가", "나", "가나", "나나", "가가"]
    assert fit_words(entries, ["다", "라"], 6) == ["가", "##가", "나", "가나", "다", "라"]
    assert fit_words(entries, ["나나", "다"], 6) == ["가", "##가", "나", "가나", "나나", "다"]
    assert fit_words(entries, ["가가", "다"], 6) == ["가", "##가", "나", "가나", "가가", "다"]


def test_trained_with_words(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [TEXT[:300]])
    file = tmp_path / "words.txt"
    file.write_text("콩나물을샀다\n옛날이야기\n마당에서\n", "utf-8")
    config = TokenizerConfig(vocab_size=260, unused=4, words=file)
    manifest = train_tokenizer(config, corpus, tmp_path / "out")
    assert (manifest.counts["words"], manifest.counts["learned"]) == (3, 260 - 4)
    tokenizer = load_tokenizer(tmp_path / "out")
    tokens = tokenizer.tokens(tokenizer.encode_batch(["온마당에서 옛날이야기를"], specials=False).ids)
    assert {"마당에서", "옛날이야기"} <= set(tokens)
    assert len(set(tokenizer.tokens(range(tokenizer.vocab_size)))) == tokenizer.vocab_size == 264
    # Not the file's name but its words decide whether there is anything to do.
    file.rename(tmp_path / "other.txt")
    again = config.model_copy(update={"words": tmp_path / "other.txt"})
    assert train_tokenizer(again, corpus, tmp_path / "out").key == manifest.key
    (tmp_path / "other.txt").write_text("옛날이야기\n", "utf-8")
    assert train_tokenizer(again, corpus, tmp_path / "out").key != manifest.key


SIZES = {"wordpiece": 240, "morpheme-wordpiece": 240, "unigram": 104, "bpe": 128, "bytebpe": 352}


@pytest.mark.parametrize("kind", SIZES)
def test_kinds_that_keep_words(kind: str, tmp_path: Path) -> None:
    """Trained, saved, opened again, and opened by transformers: one token wherever a word stands."""
    transformers = pytest.importorskip("transformers")
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    (tmp_path / "words.txt").write_text("말모이\n세종 대왕\nKim\n", "utf-8")
    config = TokenizerConfig.model_validate(
        {"kind": kind, "vocab_size": SIZES[kind], "analyzer": "mecab", "words": str(tmp_path / "words.txt")}
    )
    train_tokenizer(config, corpus, tmp_path / "out", Context(workers=1))
    tokenizer = load_tokenizer(tmp_path / "out")
    assert tokenizer.vocab_size == SIZES[kind]
    text = "새말모이를 세종 대왕이 Kim에게 주었다. 말모이"
    encoded = tokenizer.encode_batch([text], specials=False)
    seen = [text[a:b] for a, b in encoded.spans.tolist()]
    tokens = tokenizer.tokens(encoded.ids)
    for word, times in (("말모이", 2), ("세종 대왕", 1), ("Kim", 1)):
        assert tokens.count(word) == times
        assert [s for s, token in zip(seen, tokens, strict=True) if token == word] == [word] * times
    theirs = transformers.AutoTokenizer.from_pretrained(tmp_path / "out")
    for form in ("NFC", "NFD"):
        shown = unicodedata.normalize(form, text)
        assert theirs(shown)["input_ids"] == tokenizer.encode_batch([text]).ids.tolist()


def test_a_morpheme_tokenizer_keeps_its_user_dictionary_whole(tmp_path: Path) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    (tmp_path / "words.txt").write_text("말모이책\n", "utf-8")
    settings = {"kind": "morpheme", "vocab_size": 240, "analyzer": "mecab"}
    config = TokenizerConfig.model_validate(settings | {"user_dictionary": str(tmp_path / "words.txt")})
    train_tokenizer(config, corpus, tmp_path / "out", Context(workers=1))
    tokenizer = load_tokenizer(tmp_path / "out")
    tokens = tokenizer.tokens(tokenizer.encode_batch(["말모이책을 새말모이책과"], specials=False).ids)
    assert tokens.count("말모이책") == 1 and tokens.count("##말모이책") == 1


@pytest.mark.parametrize(
    ("kind", "fine", "odd"), [("bytebpe", "서울·부산", "·"), ("unigram", "·", "가▁나"), ("bpe", "é", "▁")]
)
def test_what_a_kind_takes_for_something_else_is_refused_with_its_line_before_learning(
    kind: str, fine: str, odd: str, tmp_path: Path
) -> None:
    """Letters that stand for bytes, and the sign for a space."""
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    (tmp_path / "words.txt").write_text(f"{fine}\n{odd}\n", "utf-8")
    config = TokenizerConfig(kind=kind, vocab_size=352, words=tmp_path / "words.txt")
    with pytest.raises(MalmoiError, match=rf"MM0261 .*words\.txt:2.*{odd}"):
        train_tokenizer(config, corpus, tmp_path / "out")
    assert not list(tmp_path.glob("out*"))


@pytest.mark.parametrize(
    ("settings", "code"),
    [({"kind": "morpheme", "words": "words.txt"}, "MM0267"), ({"user_dictionary": "words.txt"}, "MM0243")],
)
def test_what_a_kind_does_not_heed_is_refused_first(
    tmp_path: Path, settings: dict[str, str], code: str
) -> None:
    corpus = make_corpus(tmp_path / "corpus", [TEXT], [])
    (tmp_path / "words.txt").write_text("말모이\n", "utf-8")
    given_settings = {k: str(tmp_path / v) if v.endswith(".txt") else v for k, v in settings.items()}
    config = TokenizerConfig.model_validate({"vocab_size": 240} | given_settings)
    with pytest.raises(MalmoiError, match=code):
        train_tokenizer(config, corpus, tmp_path / "out")
    assert not (tmp_path / "out").exists() and not (tmp_path / "out.tmp").exists()
