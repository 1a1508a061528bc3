"""Korean endings and particles: values one by one, then rules that hold for the whole lexicon."""

from __future__ import annotations

import re

import pytest

from malmoi.sample.conjugate import FORMS, Word
from malmoi.sample.lexicon import POLARITIES, expressions, word
from malmoi.sample.particles import with_particle

# word → 다, past 다, 요, past 요, 습니다, 고, 아서, ㄴ데, ㄴ, ㄹ, 음, 니까
TABLE = {
    "아름답다": "아름답다 아름다웠다 아름다워요 아름다웠어요 아름답습니다 아름답고 "
    "아름다워서 아름다운데 아름다운 아름다울 아름다움 아름다우니까",
    "지루하다": "지루하다 지루했다 지루해요 지루했어요 지루합니다 지루하고 "
    "지루해서 지루한데 지루한 지루할 지루함 지루하니까",
    "맛있다": "맛있다 맛있었다 맛있어요 맛있었어요 맛있습니다 맛있고 "
    "맛있어서 맛있는데 맛있는 맛있을 맛있음 맛있으니까",
    "빠르다": "빠르다 빨랐다 빨라요 빨랐어요 빠릅니다 빠르고 빨라서 빠른데 빠른 빠를 빠름 빠르니까",
    "예쁘다": "예쁘다 예뻤다 예뻐요 예뻤어요 예쁩니다 예쁘고 예뻐서 예쁜데 예쁜 예쁠 예쁨 예쁘니까",
    "넓다": "넓다 넓었다 넓어요 넓었어요 넓습니다 넓고 넓어서 넓은데 넓은 넓을 넓음 넓으니까",
    "곱다": "곱다 고왔다 고와요 고왔어요 곱습니다 곱고 고와서 고운데 고운 고울 고움 고우니까",
    "뿌옇다": "뿌옇다 뿌옜다 뿌예요 뿌옜어요 뿌옇습니다 뿌옇고 뿌예서 뿌연데 뿌연 뿌열 뿌염 뿌여니까",
    "그립다": "그립다 그리웠다 그리워요 그리웠어요 그립습니다 그립고 "
    "그리워서 그리운데 그리운 그리울 그리움 그리우니까",
    "들다/v": "든다 들었다 들어요 들었어요 듭니다 들고 들어서 드는데 드는 들 듦 드니까",
    "듣다/v": "듣는다 들었다 들어요 들었어요 듣습니다 듣고 들어서 듣는데 듣는 들을 들음 들으니까",
    "짓다/v": "짓는다 지었다 지어요 지었어요 짓습니다 짓고 지어서 짓는데 짓는 지을 지음 지으니까",
    "돋보이다/v": "돋보인다 돋보였다 돋보여요 돋보였어요 돋보입니다 돋보이고 "
    "돋보여서 돋보이는데 돋보이는 돋보일 돋보임 돋보이니까",
    "모르다/v": "모른다 몰랐다 몰라요 몰랐어요 모릅니다 모르고 몰라서 모르는데 모르는 모를 모름 모르니까",
    "끌다/v": "끈다 끌었다 끌어요 끌었어요 끕니다 끌고 끌어서 끄는데 끄는 끌 끎 끄니까",
    "걸작이다/i": "걸작이다 걸작이었다 걸작이에요 걸작이었어요 걸작입니다 걸작이고 "
    "걸작이라서 걸작인데 걸작인 걸작일 걸작임 걸작이니까",
    "최고다/i": "최고다 최고였다 최고예요 최고였어요 최고입니다 최고고 "
    "최고라서 최고인데 최고인 최고일 최고임 최고이니까",
}
COLUMNS = ("다", "+다", "요", "+요", "습니다", "고", "아서", "ㄴ데", "ㄴ", "ㄹ", "음", "니까")


@pytest.mark.parametrize("text", TABLE)
def test_conjugates_every_class(text: str) -> None:
    found = [Word.parse(text).form(name.lstrip("+"), name.startswith("+")) for name in COLUMNS]
    assert found == TABLE[text].split()


@pytest.mark.parametrize(
    ("text", "expected"),
    [("지루하다", "지루하지 않았다"), ("인상적이다/i", "인상적이지 않았다"), ("맛있다", "맛있지 않았다")],
)
def test_negates(text: str, expected: str) -> None:
    assert Word.parse(text).negated().form("다", True) == expected


def test_refuses_what_is_no_dictionary_form() -> None:
    with pytest.raises(ValueError, match="not a dictionary form: 아름다움"):
        Word.parse("아름다움")


@pytest.mark.parametrize(
    ("noun", "pair", "expected"),
    [
        ("한결시", "은/는", "한결시는"),
        ("강", "은/는", "강은"),
        ("『먼 섬』", "을/를", "『먼 섬』을"),
        ("'푸른 등대'", "이/가", "'푸른 등대'가"),
        ("한지", "으로/로", "한지로"),
        ("굴", "으로/로", "굴로"),
        ("곶감", "으로/로", "곶감으로"),
        ("달무리 X3", "을/를", "달무리 X3을"),
        ("달무리 K2", "을/를", "달무리 K2를"),
        ("친구", "과/와", "친구와"),
        ("동료", "이나/나", "동료나"),
        ("삼천 원", "이나/나", "삼천 원이나"),
    ],
)
def test_particles_follow_the_last_sound(noun: str, pair: str, expected: str) -> None:
    assert with_particle(noun, pair) == expected


def test_every_form_of_the_lexicon_is_whole_hangul() -> None:
    """No ending may leave a bare jamo, a doubled copula or a syllable outside Hangul."""
    wrong = []
    for polarity in POLARITIES:
        for text in expressions()[polarity]:
            for name in FORMS:
                for past in (False, True):
                    form = word(text).form(name, past)
                    if not re.fullmatch(r"[가-힣 ]+", form) or "이이다" in form.replace("투성이이다", ""):
                        wrong.append((text, name, form))
    assert wrong == []
