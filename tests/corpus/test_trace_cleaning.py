"""The traced text is what the corpus stage makes of it, step by step."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.refine import COUNTS, refine_block
from malmoi.corpus.trace import trace_cleaning

MESSY = [
    "<b>도시\u200b의</b>  밤은 길었다ㅋㅋㅋㅋㅋㅋ!! 누가 010-1234-5678로 전화했을까(電話)?",
    "== 강가의 집 ==\n[[집|오두막]]은 [[분류:집]]작았다. 그래도 봄이면 &amp;amp; 꽃이 피었다.",
    "https://www.example.com/길/끝 에서 만나자. 짧다. 그리고 우리는 오래도록 걸었다 (, ) .",
    "을 잃어버린 문장이 여기에 있습니다. $$$$ #### @@@@ !!!! ****",
    unicodedata.normalize("NFD", "할머니는 아침마다 부엌에서 라디오를 들으셨다."),
]


def refined(text: str, config: CorpusConfig) -> list[str]:
    counts = dict.fromkeys(COUNTS, 0)
    block = unicodedata.normalize("NFC", text)
    return refine_block(block, config, Ledger(0), counts)["text"].to_list()


@pytest.mark.parametrize("text", MESSY)
@pytest.mark.parametrize("config", [CorpusConfig(), CorpusConfig(emoji="drop", urls="drop", repeats=0)])
def test_the_end_is_what_the_corpus_keeps(text: str, config: CorpusConfig) -> None:
    found = trace_cleaning(text, config)
    assert [fate.text for fate in found.sentences if fate.dropped is None] == refined(text, config)


@settings(deadline=None, max_examples=60)
@given(st.text(alphabet="가나다ᄒᆞᆫᄏﾾￂ. ()[]<b>/'=ㅋ!\n\u200b0123-漢&amp;,", max_size=60))
def test_whatever_the_text(text: str) -> None:
    config = CorpusConfig(min_chars=1, min_hangul=0.0)
    found = trace_cleaning(text, config)
    assert [fate.text for fate in found.sentences if fate.dropped is None] == refined(text, config)


def test_each_step_says_what_it_did() -> None:
    found = trace_cleaning(MESSY[0])
    changed = {step.name: step.after for step in found.steps if step.changed}
    assert list(changed) == [
        "html",
        "invisible_characters",
        "repeated_characters",
        "spaces",
        "personal_number",
        "hanja_in_brackets",
    ]
    assert changed["html"].startswith("도시\u200b의  밤은")
    assert changed["repeated_characters"].startswith("도시의  밤은 길었다ㅋㅋㅋ!!")
    assert "010-0000-0000" in changed["personal_number"]
    assert changed["hanja_in_brackets"].endswith("전화했을까?")
    assert all(a.after == b.before for a, b in zip(found.steps, found.steps[1:], strict=False) if a.changed)


def test_a_dropped_sentence_says_why() -> None:
    found = trace_cleaning("짧다.\n을 잃어버린 문장이 여기에 있습니다.\nThis line has no Hangul at all.")
    assert [fate.dropped for fate in found.sentences] == ["too_short", "torn", "low_hangul"]
