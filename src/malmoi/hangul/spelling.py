"""One spelling for Hangul that Unicode can write in several ways; the cleaner and every tokenizer share it,
so that a model meets at work the characters it was trained on.

| written as | becomes |
|---|---|
| private-use codes of Hanyang's fonts (old HWP) | conjoining jamo, ᄒᆞᆫ; without `hypua2jamo` themselves |
| conjoining jamo that make an old syllable, ᄒᆞᆫ | themselves |
| conjoining jamo that make none, ᄏᄏᄏ | the letters people type, ㅋㅋㅋ |
| half-width jamo | syllables and letters, 하 |
| a filler and three letters: a syllable outside of KS X 1001's 2,350 | the syllable, 봣 |
| any other filler | a space |

NFC goes in and comes out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache

FILLER, LEAD_FILLER, VOWEL_FILLER, NARROW_FILLER = "\u3164", "\u115f", "\u1160", "\uffa0"
LEADS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
VOWELS = "ㅏㅐㅑㅒㅓㅔㅕㅖㅗㅘㅙㅚㅛㅜㅝㅞㅟㅠㅡㅢㅣ"
TAILS = "ㄱㄲㄳㄴㄵㄶㄷㄹㄺㄻㄼㄽㄾㄿㅀㅁㅂㅄㅅㅆㅇㅈㅊㅋㅌㅍㅎ"
_LEAD, _VOWEL, _TAIL = (
    "\u1100-\u115e\ua960-\ua97c",
    "\u1161-\u11a7\ud7b0-\ud7c6",
    "\u11a8-\u11ff\ud7cb-\ud7fb",
)
# Without U+F000–F0FF: what stands there is nearly always a bullet of Word's or Wingdings.
_PRIVATE_RANGES = "\ue0bc-\uefff\uf100-\uf66e\uf784-\uf800\uf806-\uf864\uf86b-\uf8f7"
_ODD_RANGES = f"\u1100-\u11ff\ua960-\ua97c\ud7b0-\ud7fb{FILLER}-{FILLER}\uffa0-\uffdc{_PRIVATE_RANGES}"

ODD = re.compile(f"[{_ODD_RANGES}]")
"""Found wherever there may be something to rewrite."""
_HANYANG = re.compile(f"[{_PRIVATE_RANGES}]")
# A class first: the engine skips to it, while `_units` would be tried at every character.
_RUN = re.compile(f"[{_ODD_RANGES}][{_ODD_RANGES}ㄱ-ㅣ]*")

Edit = tuple[int, int, str]
"""[start, end) of a text, and what is put there."""


def odd_codes() -> list[int]:
    """The code points of `ODD`."""
    return _codes(_ODD_RANGES)


def private_codes() -> list[int]:
    """Those that Hanyang's fonts use."""
    return _codes(_PRIVATE_RANGES)


def _codes(ranges: str) -> list[int]:
    pairs = zip(ranges[::3], ranges[2::3], strict=True)
    return [code for first, last in pairs for code in range(ord(first), ord(last) + 1)]


def respell(text: str) -> str:
    """A text in NFC with its Hangul in the one spelling."""
    if private := private_edits(text):
        text = unicodedata.normalize("NFC", _edited(text, private))
    return _edited(text, unit_edits(text))


def private_edits(text: str) -> list[Edit]:
    """Hanyang's codes as conjoining jamo, not composed yet; the first of the two steps of `respell`."""
    table = _hanyang()
    return [(*found.span(), table[found[0]]) for found in _HANYANG.finditer(text) if found[0] in table]


def unit_edits(text: str) -> list[Edit]:
    """Everything else that changes, in order; the second step."""
    return [
        edit
        for run in _RUN.finditer(text)
        for found in _units().finditer(text, *run.span())
        for edit in _unit_edits(found)
    ]


def _edited(text: str, edits: list[Edit]) -> str:
    parts: list[str] = []
    at = 0
    for start, end, put in edits:
        parts += (text[at:start], put)
        at = end
    return "".join((*parts, text[at:])) if parts else text


@cache
def _units() -> re.Pattern[str]:
    narrow = _narrow()
    leads, vowels, tails = (
        "".join(code for code, letter in narrow.items() if letter in letters)
        for letters in (LEADS, VOWELS, TAILS)
    )
    return re.compile(
        f"(?P<wide>{FILLER}[{LEADS}][{VOWELS}][{TAILS}{FILLER}])"
        f"|(?P<narrow>[{leads}][{vowels}](?:[{tails}](?![{vowels}]))?)"
        f"|(?P<alone>{LEAD_FILLER}[{_VOWEL}](?![{_VOWEL}{_TAIL}])|[{_LEAD}]{VOWEL_FILLER}(?![{_TAIL}]))"
        f"|(?P<old>[{_LEAD}{LEAD_FILLER}]++[{_VOWEL}{VOWEL_FILLER}]++[{_TAIL}]*+|(?<=[가-힣])[{_TAIL}]++)"
        # All at once: were they tried one by one, a million of them would take a million steps each.
        f"|(?P<leads>[{_LEAD}{LEAD_FILLER}]++)"
        f"|[{_ODD_RANGES}]"
    )


def _unit_edits(found: re.Match[str]) -> list[Edit]:
    if found.lastgroup == "leads":
        edits = [(at, at + 1, _letters().get(one, one)) for at, one in enumerate(found[0], found.start())]
    else:
        edits = [(*found.span(), _unit(found))]
    return [edit for edit in edits if edit[2] != found.string[edit[0] : edit[1]]]


def _unit(found: re.Match[str]) -> str:
    text = found[0]
    match found.lastgroup:
        case "wide":
            return _syllable(text[1:].replace(FILLER, ""))
        case "narrow":
            return _syllable("".join(_narrow()[code] for code in text))
        case "alone":
            return _letters().get(text.strip(LEAD_FILLER + VOWEL_FILLER), text)
        case "old":
            return text
    return _letters().get(text, text)


def _syllable(letters: str) -> str:
    place = (LEADS.index(letters[0]) * len(VOWELS) + VOWELS.index(letters[1])) * (len(TAILS) + 1)
    return chr(0xAC00 + place + (TAILS.index(letters[2]) + 1 if letters[2:] else 0))


@cache
def _narrow() -> dict[str, str]:
    """Half-width jamo → letter."""
    named = {chr(code): unicodedata.name(chr(code), "") for code in range(0xFFA1, 0xFFDD)}
    return {code: unicodedata.lookup(name.removeprefix("HALFWIDTH ")) for code, name in named.items() if name}


@cache
def _letters() -> dict[str, str]:
    """What a character becomes that is part of no syllable; old jamo without a letter of their own stay."""
    found = dict.fromkeys((FILLER, LEAD_FILLER, VOWEL_FILLER, NARROW_FILLER), " ") | _narrow()
    for code in map(chr, (*range(0x1100, 0x1200), *range(0xA960, 0xA97D), *range(0xD7B0, 0xD7FC))):
        name = re.sub("(CHOSEONG|JUNGSEONG|JONGSEONG)", "LETTER", unicodedata.name(code, ""))
        try:
            found.setdefault(code, unicodedata.lookup(name))
        except KeyError:
            continue
    return found


@cache
def _hanyang() -> dict[str, str]:
    """Hanyang's code → conjoining jamo, from the package hypua2jamo; empty without it. The package is LGPL,
    so it is the user's to install: `pip install 'malmoi[hanyang]'`."""
    try:
        from hypua2jamo import translate
    except ImportError:
        return {}
    spelled = {code: translate(code) for code in map(chr, private_codes())}
    return {code: old for code, old in spelled.items() if old != code}
