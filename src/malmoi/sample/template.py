"""Sentence templates: a pattern and the words for its slots go in, a Korean sentence comes out.

`{a:은/는}` adds a particle, `{p.고}` conjugates, `{p!고}` conjugates the negated word, `{v=끝}` adds 이다,
`[있다]` is a word conjugated in place. `끝` is the sentence ending of the style that is spoken.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import Any

from malmoi.sample.conjugate import Word
from malmoi.sample.draw import Draws, Weighted
from malmoi.sample.particles import with_particle

STYLES = ("formal", "polite", "plain", "casual", "note")
_ENDINGS = {
    "formal": Weighted([("습니다", 1.0)]),
    "polite": Weighted([("요", 0.56), ("네요", 0.15), ("더라고요", 0.14), ("거든요", 0.05), ("습니다", 0.1)]),
    "plain": Weighted([("다", 1.0)]),
    "casual": Weighted([("어", 0.4), ("네", 0.2), ("더라", 0.2), ("다", 0.15), ("지", 0.05)]),
    "note": Weighted([("음", 1.0)]),
}
# -더라 already reports the past, so it takes no -었-.
# What the writer did or felt takes no -네 or -더라: those report what one has seen.
_OWN_ENDING = {"formal": "습니다", "polite": "요", "plain": "다", "casual": "어", "note": "음"}
_TENSED = frozenset(
    ("고", "지만", "ㄴ데", "다고", "며", "다", "요", "습니다", "어", "음", "네요", "네", "거든요", "지")
)
_UNTENSED = frozenset(("아서", "기", "고나니"))
_OWN = frozenset(("c", "k", "y", "ev", "ev2"))
_TOKEN = re.compile(r"\{(\w+)([:.!=][^}]*)?\}|\[([^\]]+)\]")


@dataclass(frozen=True, slots=True)
class Voice:
    """How a document speaks: `style` is one of STYLES; `past` whether it tells in the past."""

    style: str
    past: bool


@dataclass(frozen=True, slots=True)
class TemplatePart:
    literal: str
    slot: str = ""
    mark: str = ""
    argument: str = ""
    word: Word | None = None


@cache
def compile_template(text: str) -> tuple[TemplatePart, ...]:
    parts, at = [], 0
    for found in _TOKEN.finditer(text):
        if found.start() > at:
            parts.append(TemplatePart(text[at : found.start()]))
        at = found.end()
        slot, operation, inline = found.groups()
        if inline is not None:
            lemma, _, form = inline.partition(".")
            parts.append(TemplatePart("", "", "", form or "끝", _word(lemma)))
        else:
            mark, argument = (operation[0], operation[1:]) if operation else ("", "")
            parts.append(TemplatePart("", slot, mark, argument))
    if at < len(text):
        parts.append(TemplatePart(text[at:]))
    return tuple(parts)


@cache
def slots_of(text: str) -> tuple[str, ...]:
    """Names of the slots of a template, each once, in order."""
    return tuple(dict.fromkeys(part.slot for part in compile_template(text) if part.slot))


@cache
def _word(lemma: str) -> Word:
    return Word.parse(lemma)


@cache
def _copula(noun: str) -> Word:
    return Word(noun, "i")


@cache
def _negated(word: Word) -> Word:
    return word.negated()


def conjugate(word: Word, form: str, voice: Voice, draw: Draws, *, own: bool = False) -> str:
    """One word in `form`; `끝` becomes the ending of the style, and only some endings follow the tense."""
    if form == "끝":
        form = _OWN_ENDING[voice.style] if own else _ENDINGS[voice.style].pick(draw)
    past = word.tense == "past" and form not in _UNTENSED
    past = past or (voice.past and form in _TENSED and word.tense != "present")
    return word.form(form, past)


def render(text: str, values: dict[str, Any], voice: Voice, draw: Draws) -> str:
    """Fill a template. Values are strings (which may hold slots themselves) or Words."""
    out = []
    for part in compile_template(text):
        if part.literal:
            out.append(part.literal)
            continue
        if part.word is not None:
            out.append(conjugate(part.word, part.argument, voice, draw, own=True))
            continue
        value = values[part.slot]
        if isinstance(value, str):
            if "{" in value:
                value = render(value, values, voice, draw)
            if part.mark == ":":
                value = with_particle(value, part.argument)
            elif part.mark == "=":
                value = conjugate(_copula(value), part.argument, voice, draw)
            out.append(value)
            continue
        word = _negated(value) if part.mark == "!" else value
        # A circumstance happened before the verdict, so it is always told in the past.
        spoken = Voice(voice.style, True) if part.slot == "c" else voice
        formed = conjugate(word, part.argument, spoken, draw, own=part.slot in _OWN)
        out.append(render(formed, values, voice, draw) if "{" in formed else formed)
    return "".join(out)
