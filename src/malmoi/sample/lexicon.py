"""The lexicon: TOML files in, typed domains out, and *views* of a domain that know only some expressions.

The labelled training set speaks with one view and the test set with another, so what an unknown expression
means can only be learned from the company it keeps in the raw corpus.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from malmoi.sample.conjugate import Word
from malmoi.sample.draw import Draws

POLARITIES = ("neg", "pos")  # index = NSMC label
DOMAINS = ("film", "book", "food", "place", "gadget", "shop", "diary")
LABELLED_DOMAINS = DOMAINS[:-1]
# Share of the expressions that the labelled training rows may use.
KNOWN_SHARE = 0.35
_SPLIT_SEED = 9

Verdicts = dict[str, tuple[Word, ...]]  # polarity → words


@dataclass(frozen=True, eq=False, slots=True)
class Aspect:
    """Nouns that the same predicates can be said of; `simple` are those that fit before a noun, `led_to` what
    the writer may have done because of it."""

    nouns: tuple[str, ...]
    words: Verdicts
    simple: Verdicts
    led_to: Verdicts


@dataclass(frozen=True, eq=False, slots=True)
class Domain:
    """One kind of review. `said[polarity]` lists the aspects with something to say in that polarity; `plain`
    those with a one-word adjective; `turned` those with verdicts here and a simple one of the other side;
    `causes` and `plain_causes` those that led to something.
    """

    name: str
    items: tuple[str, ...]
    past: float
    context: tuple[Word, ...]
    neutral: tuple[str, ...]
    said: dict[str, tuple[Aspect, ...]]
    plain: dict[str, tuple[Aspect, ...]]
    turned: dict[str, tuple[Aspect, ...]]
    causes: dict[str, tuple[Aspect, ...]]
    plain_causes: dict[str, tuple[Aspect, ...]]
    whole: Verdicts
    whole_simple: Verdicts
    act: Verdicts
    salient: Verdicts
    event: Verdicts


@cache
def load(name: str) -> dict[str, Any]:
    """One TOML file of this package as a dict."""
    return tomllib.loads(resources.files("malmoi.sample").joinpath(f"{name}.toml").read_text("utf-8"))


@cache
def word(text: str) -> Word:
    return Word.parse(text)


def other(polarity: str) -> str:
    return "neg" if polarity == "pos" else "pos"


def words_of(kind: str) -> tuple[str, ...]:
    """The small words that fill slots: time, who, adv, lead, nth, dish, device, clothes."""
    return tuple(load("common")["words"][kind])


@cache
def expressions() -> dict[str, dict[str, None]]:
    """polarity → every evaluative expression, as written in the lexicon, without repeats, in file order."""
    found: dict[str, dict[str, None]] = {polarity: {} for polarity in POLARITIES}
    for name in (*LABELLED_DOMAINS, "common"):
        data = load(name)
        for table in [*data.get("aspect", []), *(data[k] for k in ("whole", "act", "salient") if k in data)]:
            for polarity in POLARITIES:
                found[polarity] |= dict.fromkeys(table[polarity])
    return found


@cache
def known_expressions() -> frozenset[str]:
    """The expressions of the labelled training rows: all general ones, then others drawn up to KNOWN_SHARE.

    Expressions that begin alike (재미있다, 재미없다, 재미라고는 없다) fall on the same side: the letters of a
    known word must never give an unknown one away.
    """
    draw, common = Draws(_SPLIT_SEED, "split"), load("common")
    chosen: set[str] = set()
    for polarity in POLARITIES:
        texts = list(expressions()[polarity])
        roots = {text[:2] for kind in ("whole", "act", "salient") for text in common[kind][polarity]}
        for root in draw.shuffled(sorted({text[:2] for text in texts} - roots)):
            if sum(text[:2] in roots for text in texts) >= KNOWN_SHARE * len(texts):
                break
            roots.add(root)
        chosen |= {text for text in texts if text[:2] in roots}
    return frozenset(chosen)


def _verdicts(table: dict[str, list[str]], allowed: frozenset[str] | None) -> Verdicts:
    return {p: tuple(word(t) for t in table[p] if allowed is None or t in allowed) for p in POLARITIES}


def _simple(verdicts: Verdicts) -> Verdicts:
    return {p: tuple(w for w in verdicts[p] if w.simple) for p in POLARITIES}


def _join(left: Verdicts, right: Verdicts) -> Verdicts:
    return {p: tuple(dict.fromkeys(left[p] + right[p])) for p in POLARITIES}


@cache
def domain(name: str, allowed: frozenset[str] | None = None) -> Domain:
    """A domain as the speaker sees it who knows only the `allowed` expressions (None: all of them)."""
    data, common = load(name), load("common")
    whole, act = _verdicts(data["whole"], allowed), _verdicts(data["act"], allowed)
    # A diary speaks of the day only; everything else also takes the general verdicts.
    general_act = act if name == "diary" else _verdicts(common["act"], allowed)
    if name != "diary":
        whole = _join(_verdicts(common["whole"], allowed), whole)
        act = _join(general_act, act)
    aspects = []
    for table in data["aspect"]:
        words = _verdicts(table, allowed)
        led_to = act if table.get("core") else general_act
        aspects.append(Aspect(tuple(table["nouns"]), words, _simple(words), led_to))

    def those(wanted: Callable[[Aspect, str], object]) -> dict[str, tuple[Aspect, ...]]:
        return {p: tuple(aspect for aspect in aspects if wanted(aspect, p)) for p in POLARITIES}

    return Domain(
        name=name,
        items=tuple(data["items"]),
        past=data["past"],
        context=tuple(word(text) for text in data["context"]),
        neutral=tuple(data["neutral"]),
        said=those(lambda a, p: a.words[p]),
        plain=those(lambda a, p: a.simple[p]),
        turned=those(lambda a, p: a.words[p] and a.simple[other(p)]),
        causes=those(lambda a, p: a.words[p] and a.led_to[p]),
        plain_causes=those(lambda a, p: a.simple[p] and a.led_to[p]),
        whole=whole,
        whole_simple=_simple(whole),
        act=act,
        salient=_verdicts(common["salient"], allowed),
        event=_verdicts(data.get("event", {"pos": [], "neg": []}), None),
    )
