"""The user's words: mistakes in the file, where words are found, and that both analyzers keep them whole."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.analyzers import Analyzer, open_analyzer
from malmoi.analyzers.lines import LONGEST
from malmoi.analyzers.user_dictionary import WORD_TAGS, UserWords
from malmoi.errors import MalmoiError
from tests.tokenizer.analyzers.conftest import WORDS
from tests.tokenizer.analyzers.texts import MIXED, check_spans, shown


def _written(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "words.txt"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_a_file_of_words(tmp_path: Path) -> None:
    content = "\ufeff# 우리 낱말\n말모이\n\n빅데이타\tNNG\r\n  하늬바람결 \t\n말모이\tNNP\n"
    words = UserWords(_written(tmp_path, content + unicodedata.normalize("NFD", "물결표\tNNG\n")))
    assert words.tags == {"말모이": "NNP", "빅데이타": "NNG", "하늬바람결": "NNP", "물결표": "NNG"}
    same = UserWords(_written(tmp_path, "물결표\tNNG\n하늬바람결\n빅데이타\tNNG\n말모이\n"))
    assert same.digest == words.digest != UserWords().digest == ""


@pytest.mark.parametrize(
    ("content", "code", "line", "said"),
    [
        ("말모이\n귤\n", "MM0223", 2, "'귤'"),
        ("대한 민국\n", "MM0223", 1, "'대한 민국'"),
        ("말모이 NNP\n", "MM0223", 1, "'말모이 NNP'"),
        ("말모이\tNOUN\n", "MM0224", 1, "NOUN"),
        ("말모이\t먹\tVV\n", "MM0224", 1, "먹\tVV"),
        ("모이다\tVV\n", "MM0224", 1, "NNG NNP NNB"),
        ("말모이\n\n말모이\tNNG\n", "MM0225", 3, "NNP, NNG"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, content: str, code: str, line: int, said: str) -> None:
    path = _written(tmp_path, content)
    with pytest.raises(MalmoiError) as caught:
        UserWords(path)
    assert (caught.value.code, caught.value.where) == (code, f"{path}:{line}")
    assert said in str(caught.value)


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    for path in (tmp_path / "none.txt", tmp_path, _written(tmp_path, "말모이".encode("cp949"))):
        with pytest.raises(MalmoiError) as caught:
            UserWords(path)
        assert (caught.value.code, caught.value.where) == ("MM0222", str(path))


def test_the_longest_from_the_left_and_no_part_of_a_latin_word(tmp_path: Path) -> None:
    words = UserWords(_written(tmp_path, "말모\n말모이\n모이기\n모이소\nAI\tSL\nC++\tSL\n"))

    def found(text: str) -> list[str]:
        return [text[a:b] for a, b in words.find(text)]

    assert found("낱말모이기, 모이소 말모") == ["말모이", "모이소", "말모"]
    assert found("AI가 CHAIR AI9 9AI xAI,AI") == ["AI", "AI"]
    assert found("C++와 C++ XC++ C++11") == ["C++", "C++", "C++"]
    assert words.find("말모") == [(0, 2)]
    assert UserWords().find("말모이") == []


@settings(max_examples=150, deadline=None)
@given(
    pieces=st.lists(st.sampled_from([*WORDS, "는", "하고 ", " ", "빅", "데이타", ". "]) | MIXED, max_size=10)
)
def test_a_word_is_never_split_and_never_glued(
    with_words: Analyzer, dictionary: Path, pieces: list[str]
) -> None:
    text = "".join(pieces)
    found = with_words.analyze([text])
    spans = check_spans([text], found)[0]
    check_spans([text], with_words.surfaces([text]))
    for span in UserWords(dictionary).find(text.replace("\0", "\x01")):
        at = spans.index(span)
        word = text[slice(*span)]
        # Kiwi may hang a morpheme that is not written (이 of 이다) onto it.
        shared = [n for n in range(len(spans)) if spans[n] == span]
        assert (word, WORDS[word]) in [(found.lemmas[n], found.tags[n]) for n in shared]
        assert at == shared[0]


def test_control_characters_of_latin_1_are_no_letters(with_words: Analyzer) -> None:
    text = "\x80A\x80\x80A\x80\x80AI"
    found = with_words.analyze([text])
    spans = check_spans([text], found)[0]
    assert spans == [(0, 1), (1, 2), (2, 3), (3, 4), (4, 5), (5, 6), (6, 7), (7, 9)]
    assert found.lemmas[0] == "\x80" and found.lemmas[-1] == "AI"


def test_symbols_and_what_would_end_a_text_for_mecab(with_words: Analyzer) -> None:
    assert shown(with_words, "좋다^^").endswith(" ^^/IC")
    assert shown(with_words, "EOS낱말모이") == "EOS/SL 낱말모이/NNP"


def test_particles_behind_a_word_are_still_particles(with_words: Analyzer) -> None:
    assert shown(with_words, "낱말모이는 좋다.") == "낱말모이/NNP 는/JX 좋/VA 다/EF ./SF"
    assert shown(with_words, "하늬바람결을 느꼈다.") == "하늬바람결/NNP 을/JKO 느끼/VV+었/EP 다/EF ./SF"
    assert shown(with_words, "그 AI가 모이소에서") == "그/MM AI/SL 가/JKS 모이소/NNG 에서/JKB"


def test_a_word_where_a_long_text_is_cut(with_words: Analyzer) -> None:
    text = "가" * (LONGEST - 2) + "낱말모이" + "나" * 50
    spans = check_spans([text], with_words.analyze([text]))[0]
    assert (LONGEST - 2, LONGEST + 2) in spans


@pytest.mark.parametrize("name", ["kiwi", "mecab"])
def test_every_tag_that_a_word_may_have(name: str, tmp_path: Path) -> None:
    # In Mecab each tag has two stand-ins, for words that end in a vowel and in a consonant.
    words = {f"뷁쉙{tag}{end}": tag for tag in WORD_TAGS for end in ("가", "각")}
    content = "".join(f"{word}\t{tag}\n" for word, tag in words.items())
    analyzer = open_analyzer(name, _written(tmp_path, content))
    texts = [f"그 {word} 및 {word}도 {word}" for word in words]
    found = analyzer.analyze(texts)
    check_spans(texts, found)
    ends = np.cumsum(found.counts).tolist()
    for (word, tag), end, count in zip(words.items(), ends, found.counts.tolist(), strict=True):
        part = slice(end - count, end)
        marked = list(zip(found.lemmas[part], found.tags[part], strict=True))
        assert marked.count((word, tag)) == 3, marked
    assert analyzer.identity["user_dictionary"]
