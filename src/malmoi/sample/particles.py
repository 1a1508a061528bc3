"""Korean particles: a word goes in, the word with the particle its last sound asks for comes out.

Own rules instead of a library: three facts about the last syllable are all there is to know.
"""

from __future__ import annotations

from functools import cache

HANGUL = 0xAC00
# Names of letters and digits as they are read: 엘, 엠, 엔, 영, 일, 삼, 육, 칠, 팔 end in a consonant.
_CLOSED = frozenset("lmnrLMNR013678")
_RIEUL = frozenset("lrLR178")


def final_of(syllable: str) -> int:
    """Index of the final consonant of a Hangul syllable, 0 where it has none (8 = ㄹ)."""
    return (ord(syllable) - HANGUL) % 28


@cache
def with_particle(word: str, pair: str) -> str:
    """`with_particle("한결시", "은/는")` → `한결시는`; the form after a consonant comes first in `pair`."""
    after_consonant, _, after_vowel = pair.partition("/")
    if not after_vowel:
        return word + after_consonant
    last = next((c for c in reversed(word) if c.isalnum()), "")
    if "가" <= last <= "힣":
        closed, rieul = final_of(last) > 0, final_of(last) == 8
    else:
        closed, rieul = last in _CLOSED, last in _RIEUL
    # 으로 is the one particle that treats a final ㄹ as a vowel.
    if rieul and after_consonant.startswith("으로"):
        closed = False
    return word + (after_consonant if closed else after_vowel)
