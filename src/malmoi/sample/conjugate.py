"""Conjugation of Korean predicates: a dictionary form goes in, any of thirty endings comes out.

The irregular classes (ㅂ ㅅ ㄷ ㄹ ㅎ 르 으 하다 이다) are rules over the last syllable of the stem plus short
lists of exceptions, so the lexicon holds plain dictionary forms: `아름답다`, `돋보이다/v`, `일품이다/i`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from malmoi.sample.particles import HANGUL, final_of

_FINALS = {"": 0, "ㄴ": 4, "ㄷ": 7, "ㄹ": 8, "ㄻ": 10, "ㅁ": 16, "ㅂ": 17, "ㅅ": 19, "ㅆ": 20, "ㅎ": 27}
_REGULAR_B = frozenset("좁잡뽑입씹접꼽집업")
_IRREGULAR_S = frozenset("낫짓붓잇긋젓")
_IRREGULAR_D = ("듣", "걷", "싣", "깨닫", "일컫")
_PLAIN_REU = ("따르", "치르", "들르")
# Vowel indices: 0 ㅏ 1 ㅐ 4 ㅓ 5 ㅔ 6 ㅕ 8 ㅗ 9 ㅘ 10 ㅙ 11 ㅚ 13 ㅜ 14 ㅝ 18 ㅡ 20 ㅣ
_DICTIONARY = re.compile(r"(.+다)(?:/([avi]))?([+=]?)")
_TENSES = {"": "", "+": "past", "=": "present"}
_CONTRACTED = {8: 9, 11: 10, 13: 14, 20: 6}
_SAME = frozenset((0, 1, 4, 5, 6))


@dataclass(frozen=True, eq=False, slots=True)
class Word:
    """A predicate. `stem` is the dictionary form without 다 (for `i`, 이다: the noun); kind a, v or i.

    `tense`: `past` or `present` where the word keeps its own whatever the rest is in
    (탁 트이다/v+ → 탁 트였다, 추천하다/v= → 추천한다).
    """

    stem: str
    kind: str
    tense: str = ""
    _cache: dict[tuple[str, bool], str] = field(default_factory=dict, repr=False)

    @classmethod
    def parse(cls, text: str) -> Word:
        """`아름답다` (adjective), `돋보이다/v` (verb), `일품이다/i` or `최고다/i` (noun and copula)."""
        found = _DICTIONARY.fullmatch(text)
        if found is None:
            raise ValueError(f"not a dictionary form: {text}")
        lemma, mark, own = found.groups()
        kind, stem = mark or "a", lemma.removesuffix("다")
        return cls(stem.removesuffix("이") if kind == "i" else stem, kind, _TENSES[own])

    @property
    def simple(self) -> bool:
        """One-word adjective (or …적이다): it can stand before a noun and be negated with -지 않다."""
        return " " not in self.stem and (self.kind == "a" or (self.kind == "i" and self.stem.endswith("적")))

    def negated(self) -> Word:
        stem = f"{self.stem}이지 않" if self.kind == "i" else f"{self.stem}지 않"
        return Word(stem, "v" if self.kind == "v" else "a", self.tense)

    def form(self, name: str, past: bool = False) -> str:
        """The word with ending `name` (a key of FORMS), in the past if the ending can be."""
        key = (name, past)
        found = self._cache.get(key)
        if found is None:
            found = self._cache[key] = FORMS[name](self, past)
        return found

    @property
    def exists(self) -> bool:
        """있다, 없다 and their compounds take some endings of verbs (-는, -는데)."""
        return self.kind == "a" and self.stem[-1] in "있없"


def _set(syllable: str, *, vowel: int | None = None, final: str | None = None) -> str:
    code = ord(syllable) - HANGUL
    if vowel is not None:
        code = code - code % 588 + vowel * 28 + code % 28
    if final is not None:
        code = code - code % 28 + _FINALS[final]
    return chr(HANGUL + code)


def _vowel(syllable: str) -> int:
    return (ord(syllable) - HANGUL) % 588 // 28


def _irregular(word: Word) -> str:
    last, final = word.stem[-1], final_of(word.stem[-1])
    if final == 17 and last not in _REGULAR_B:
        return "ㅂ"
    if final == 19 and last in _IRREGULAR_S:
        return "ㅅ"
    if final == 7 and word.stem.endswith(_IRREGULAR_D):
        return "ㄷ"
    if final == 27 and word.kind == "a" and last != "좋":
        return "ㅎ"
    return "ㄹ" if final == 8 else ""


def _open(word: Word) -> str:
    """The stem before endings that start with (으): 좋으, 지루하, 아름다우, 나으, 길."""
    stem, kind = word.stem, _irregular(word)
    head, last = stem[:-1], stem[-1]
    if kind == "ㅂ":
        return head + _set(last, final="") + "우"
    if kind == "ㅅ":
        return head + _set(last, final="") + "으"
    if kind == "ㄷ":
        return head + _set(last, final="ㄹ") + "으"
    if kind == "ㅎ":
        return head + _set(last, final="")
    return stem if final_of(last) in (0, 8) else stem + "으"


def _a_form(word: Word) -> str:
    """The stem with 아/어, contracted: 좋아, 지루해, 아름다워, 돋보여, 달라, 예뻐, 나아."""
    stem, kind = word.stem, _irregular(word)
    head, last = stem[:-1], stem[-1]
    if last == "하":
        return head + "해"
    if kind == "ㅂ":
        return head + _set(last, final="") + ("와" if last in "돕곱" and len(stem) == 1 else "워")
    if kind == "ㅅ":
        return head + _set(last, final="") + ("아" if _vowel(last) in (0, 8) else "어")
    if kind == "ㄷ":
        return head + _set(last, final="ㄹ") + ("아" if _vowel(last) in (0, 8) else "어")
    if kind == "ㅎ":
        return head + _set(last, final="", vowel={2: 3, 6: 7}.get(_vowel(last), 1))
    if final_of(last):
        return stem + ("아" if _vowel(last) in (0, 2, 8) else "어")
    if last == "르" and not stem.endswith(_PLAIN_REU):
        return head[:-1] + _set(head[-1], final="ㄹ") + ("라" if _vowel(head[-1]) in (0, 8) else "러")
    if _vowel(last) == 18:
        bright = bool(head) and _vowel(head[-1]) in (0, 8)
        return head + _set(last, vowel=0 if bright else 4)
    if _vowel(last) in _SAME:
        return stem
    if _vowel(last) in _CONTRACTED:
        return head + _set(last, vowel=_CONTRACTED[_vowel(last)])
    return stem + "어"


def _add(base: str, final: str) -> str:
    """Close the last syllable with ㄴ, ㄹ, ㅁ or ㅂ; a final ㄹ falls before ㄴ, ㅂ, joins ㄹ, ㅁ."""
    last = base[-1]
    if final_of(last) == 8:
        return base[:-1] + _set(last, final={"ㄹ": "ㄹ", "ㅁ": "ㄻ"}.get(final, final))
    return base[:-1] + _set(last, final=final)


def _light(word: Word) -> str:
    """The stem before ㄴ and ㅅ: a final ㄹ falls (드는, 드네요)."""
    last = word.stem[-1]
    return word.stem[:-1] + _set(last, final="") if final_of(last) == 8 else word.stem


def _past(word: Word) -> str:
    if word.kind == "i":
        return word.stem + ("이었" if final_of(word.stem[-1]) else "였")
    return _add(_a_form(word), "ㅆ")


def _be(word: Word, after_consonant: str, after_vowel: str) -> str:
    return word.stem + (after_consonant if final_of(word.stem[-1]) else after_vowel)


def _plain(word: Word, past: bool) -> str:
    if past:
        return _past(word) + "다"
    if word.kind == "i":
        return _be(word, "이다", "다")
    if word.kind == "v":
        base = _light(word)
        return base + "는다" if final_of(base[-1]) else _add(base, "ㄴ") + "다"
    return word.stem + "다"


def _polite(word: Word, past: bool) -> str:
    if past:
        return _past(word) + "어요"
    return _be(word, "이에요", "예요") if word.kind == "i" else _a_form(word) + "요"


def _formal(word: Word, past: bool) -> str:
    if past:
        return _past(word) + "습니다"
    if word.kind == "i":
        return _be(word, "입니다", "입니다")
    base = _light(word)
    return base + "습니다" if final_of(base[-1]) else _add(base, "ㅂ") + "니다"


def _casual(word: Word, past: bool) -> str:
    if past:
        return _past(word) + "어"
    return _be(word, "이야", "야") if word.kind == "i" else _a_form(word)


def _noun(word: Word, past: bool) -> str:
    if past:
        return _past(word) + "음"
    return _be(word, "임", "임") if word.kind == "i" else _add(_open(word), "ㅁ")


def _suffix(ending: str) -> Callable[[Word, bool], str]:
    """An ending that simply follows the stem: -고, -지만, -더라."""

    def form(word: Word, past: bool) -> str:
        if past:
            return _past(word) + ending
        return _be(word, "이" + ending, ending) if word.kind == "i" else word.stem + ending

    return form


def _light_suffix(ending: str) -> Callable[[Word, bool], str]:
    def form(word: Word, past: bool) -> str:
        if past:
            return _past(word) + ending
        return _be(word, "이" + ending, ending) if word.kind == "i" else _light(word) + ending

    return form


def _open_suffix(ending: str) -> Callable[[Word, bool], str]:
    """An ending that wants (으): -니까, -면; ㄹ falls before ㄴ."""

    def form(word: Word, past: bool) -> str:
        if past:
            return _past(word) + "으" + ending
        if word.kind == "i":
            return word.stem + "이" + ending
        base = _open(word)
        if ending[0] == "니" and final_of(base[-1]) == 8:
            base = base[:-1] + _set(base[-1], final="")
        return base + ending

    return form


def _because(word: Word, past: bool) -> str:
    return _be(word, "이라서", "라서") if word.kind == "i" else _a_form(word) + "서"


def _while(word: Word, past: bool) -> str:
    if past:
        return _past(word) + "는데"
    if word.kind == "i":
        return word.stem + "인데"
    if word.kind == "v" or word.exists:
        return _light(word) + "는데"
    return _add(_open(word), "ㄴ") + "데"


def _before_noun(word: Word, past: bool) -> str:
    if word.kind == "i":
        return word.stem + ("이었던" if final_of(word.stem[-1]) else "였던") if past else word.stem + "인"
    if word.kind == "v":
        return _add(_open(word), "ㄴ") if past else _light(word) + "는"
    if past:
        return _past(word) + "던"
    return word.stem + "는" if word.exists else _add(_open(word), "ㄴ")


def _future(word: Word, past: bool) -> str:
    return word.stem + "일" if word.kind == "i" else _add(_open(word), "ㄹ")


def _quoted(word: Word, past: bool) -> str:
    if word.kind == "i" and not past:
        return _be(word, "이라고", "라고")
    return _plain(word, past) + "고"


FORMS: dict[str, Callable[[Word, bool], str]] = {
    "다": _plain,
    "요": _polite,
    "습니다": _formal,
    "어": _casual,
    "음": _noun,
    "네요": _light_suffix("네요"),
    "네": _light_suffix("네"),
    "더라고요": _suffix("더라고요"),
    "더라": _suffix("더라"),
    "던데요": _suffix("던데요"),
    "거든요": _suffix("거든요"),
    "죠": _suffix("죠"),
    "지": _suffix("지"),
    "고": _suffix("고"),
    "고나니": _suffix("고 나니"),
    "지만": _suffix("지만"),
    "기": _suffix("기"),
    "게": _suffix("게"),
    "ㄴ데": _while,
    "아서": _because,
    "니까": _open_suffix("니까"),
    "니": _open_suffix("니"),
    "면": _open_suffix("면"),
    "며": _open_suffix("며"),
    "ㄴ": _before_noun,
    "ㄹ": _future,
    "다고": _quoted,
}
