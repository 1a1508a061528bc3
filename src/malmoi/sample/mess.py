"""Dirt: clean sentences go in, text as the web writes it comes out.

Every kind of dirt has its own rate, so that the report of the corpus stage has something of each to show.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence

from malmoi.sample.draw import Draws, Weighted
from malmoi.sample.lexicon import load

_MARKS = {
    "formal": Weighted([(".", 86.0), ("!", 8.0), ("...", 4.0), ("", 2.0)]),
    "plain": Weighted([(".", 88.0), ("!", 6.0), ("...", 4.0), ("", 2.0)]),
    "polite": Weighted(
        [(".", 54), ("!", 15), ("~", 9), ("!!", 5), (" ㅎㅎ", 6), (" ㅠㅠ", 4), (" ^^", 4), ("", 3)]
    ),
    "casual": Weighted(
        [
            (".", 34),
            (" ㅋㅋ", 14),
            (" ㅋㅋㅋㅋㅋ", 8),
            ("!!", 9),
            ("~", 8),
            (" ㅠㅠ", 7),
            ("...", 8),
            ("!!!!!", 4),
            ("", 8),
        ]
    ),
    "note": Weighted([(".", 62.0), ("!", 8.0), (" ㅋㅋ", 8.0), (";;", 4.0), ("", 18.0)]),
}


def close(sentences: Sequence[str], style: str, draw: Draws) -> list[str]:
    """Sentences with their final marks; now and then an emoji. Neither depends on the polarity."""
    closed = []
    for sentence in sentences:
        mark = _MARKS[style].pick(draw)
        if style in ("polite", "casual") and draw.chance(0.03):
            mark += f" {draw.pick(load('noise')['emoji'])}"
        closed.append(sentence + mark)
    return closed


def misspell(text: str, draw: Draws) -> str:
    """Web spellings, or all spaces of a stretch lost, or a letter typed too often."""
    kind = draw.below(4)
    if kind == 0:
        words = text.split(" ")
        at = draw.below(max(1, len(words) - 3))
        return " ".join([*words[:at], "".join(words[at : at + 4]), *words[at + 4 :]])
    if kind == 1:
        return text.replace(".", "....", 1).replace("!", "!!!!!!", 1)
    found = [pair for pair in load("noise")["spellings"] if pair[0] in text]
    if not found:
        return text
    right, wrong = draw.pick(found)
    return text.replace(right, wrong)


def personal(draw: Draws) -> str:
    """A line with an invented telephone, account, card or resident number, address or link."""
    return _numbers(draw.pick(load("noise")["personal"]), draw)


def spam(draw: Draws) -> str:
    return _numbers(draw.pick(load("noise")["spam"]), draw)


def boilerplate(draw: Draws) -> str:
    return str(draw.pick(load("noise")["boilerplate"]))


def _numbers(template: str, draw: Draws) -> str:
    born = f"{draw.between(60, 99)}{draw.between(1, 12):02}{draw.between(1, 28):02}"
    return template.format(
        phone=f"010-{draw.between(2000, 9999)}-{draw.between(0, 9999):04}",
        resident=f"{born}-{draw.between(1, 2)}{draw.between(0, 999999):06}",
        n=f"{draw.between(1000, 9999)}",
        m=f"{draw.between(1000, 9999)}",
    )


def markup(text: str, draw: Draws) -> str:
    """Leftovers of HTML: tags, entities, a zero-width space, a no-break space."""
    kind = draw.below(5)
    if kind == 0:
        return f"<p>{text}</p>"
    if kind == 1:
        return text.replace(". ", ".<br />", 2)
    if kind == 2:
        return text.replace(" ", "&nbsp;", 1).replace("'", "&#39;")
    if kind == 3:
        return f'<div class="review"><b>{text[:6]}</b>{text[6:]}</div>'
    return text.replace(" ", "\u200b ", 1).replace(" ", "\u00a0", 1)


def dirty(text: str, draw: Draws) -> str:
    """One document as the web would have it: most stay as they are."""
    if draw.chance(0.06):
        text = misspell(text, draw)
    if draw.chance(0.03):
        text = markup(text, draw)
    if draw.chance(0.015):
        text = f"{text} {personal(draw)}"
    if draw.chance(0.006):
        text = f"{text} {draw.pick(load('noise')['english'])}"
    return text


def to_nfd(text: str) -> str:
    """Hangul torn into jamo, as file names and notes come from macOS."""
    return unicodedata.normalize("NFD", text)
