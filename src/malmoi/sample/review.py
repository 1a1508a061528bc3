"""Reviews and diaries: a domain, a polarity and a style go in, sentences that keep them come out.

A review holds one polarity over all its sentences and mixes many expressions of it. That is the whole trick
of the sample: a model that reads the raw text can learn which expressions keep company.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from malmoi.sample.conjugate import Word
from malmoi.sample.draw import Draws, Weighted
from malmoi.sample.lexicon import Aspect, Domain, load, other, words_of
from malmoi.sample.template import Voice, render, slots_of

_SMALL = ("time", "who", "dish", "device", "clothes", "nth")
# A verdict is drawn together with the aspect it belongs to.
_OWNER = {"p": "a", "q": "b", "f": "e", "h": "g", "r": "o", "n": "m", "t": "m"}


@dataclass(frozen=True, eq=False, slots=True)
class Pattern:
    """A sentence pattern: its slots in the order they are drawn, the word its degree adverb modifies, and
    whether what it negates with 안 should be short (안 지루하다, but 부자연스럽지 않다)."""

    text: str
    slots: tuple[str, ...]
    degree_of: str
    short: bool

    @classmethod
    def parse(cls, text: str) -> Pattern:
        names = slots_of(text)
        after = names[names.index("d") + 1 :] if "d" in names else ()
        degree_of = next((name for name in after if name in _VERDICT_SLOTS), "")
        slots = tuple(dict.fromkeys(_OWNER.get(name, name) for name in names))
        return cls(text, slots, degree_of, short="안 {n" in text)


_VERDICT_SLOTS = frozenset("pqrtfhwvjks")


def _usable(pattern: Pattern, domain: Domain, p: str) -> bool:
    """Whether the domain has words for every slot in polarity `p`."""
    caused, o = "y" in pattern.slots, other(p)
    needs: dict[str, object] = {
        "a": domain.causes[p] if caused else domain.said[p],
        "b": len(domain.said[p]) > 1,
        "e": domain.plain_causes[p] if caused else domain.plain[p],
        "g": len(domain.plain[p]) > 1,
        "m": domain.turned[p],
        "o": domain.said[o],
        "w": domain.whole[p],
        "v": len(domain.whole[p]) > 1,
        "j": domain.whole_simple[p],
        "z": domain.whole_simple[o],
        "k": domain.act[p],
        "s": domain.salient[p],
        "ev": domain.event[p],
    }
    return all(needs.get(slot, True) for slot in pattern.slots)


@cache
def patterns(domain: Domain, polarity: str, note: bool) -> Weighted[Pattern]:
    """The patterns that this domain can fill in this polarity."""
    usable: list[tuple[Pattern, float]] = []
    for group in load("patterns")["group"]:
        kind = group.get("kind", "")
        if (kind == "note") != note or kind == ("thing" if domain.name == "diary" else "diary"):
            continue
        parsed = [Pattern.parse(text) for text in group["patterns"]]
        fitting = [pattern for pattern in parsed if _usable(pattern, domain, polarity)]
        if domain.name == "diary" and kind != "diary":  # what one did explains no feeling about the weather
            fitting = [pattern for pattern in fitting if "c" not in pattern.slots]
        usable += [(pattern, group["weight"] / len(parsed)) for pattern in fitting]
    return Weighted(usable)


def _aspect(draw: Draws, choices: tuple[Aspect, ...], taken: list[Aspect]) -> Aspect:
    for _ in range(4):
        aspect = draw.pick(choices)
        if aspect not in taken:
            break
    taken.append(aspect)
    return aspect


def _short(words: tuple[Word, ...]) -> tuple[Word, ...]:
    return tuple(word for word in words if word.kind == "a" and len(word.stem) < 4 and not word.exists)


def _new(pick: Callable[[Sequence[Any]], Any], pool: Sequence[Any], values: dict[str, Any]) -> Any:
    """A draw that the sentence does not hold yet (형편없어서 형편없었다), if three tries find one."""
    for _ in range(3):
        value = pick(pool)
        if value not in values.values():
            break
    return value


def _fill(pattern: Pattern, domain: Domain, polarity: str, values: dict[str, Any], draw: Draws) -> None:
    """Draw the words of a pattern. Two aspects of a sentence differ, and so do two verdicts."""
    pick, opposite, caused = draw.pick, other(polarity), "y" in pattern.slots
    taken: list[Aspect] = []
    for slot in pattern.slots:
        if slot in ("a", "b"):
            choices = domain.causes if caused and slot == "a" else domain.said
            aspect = _aspect(draw, choices[polarity], taken)
            values[slot], values["p" if slot == "a" else "q"] = (
                pick(aspect.nouns),
                pick(aspect.words[polarity]),
            )
        elif slot in ("e", "g"):
            choices = domain.plain_causes if caused and slot == "e" else domain.plain
            aspect = _aspect(draw, choices[polarity], taken)
            values[slot], values["f" if slot == "e" else "h"] = (
                pick(aspect.nouns),
                pick(aspect.simple[polarity]),
            )
        elif slot == "y":
            values["y"] = pick(taken[0].led_to[polarity])
        elif slot == "o":
            aspect = _aspect(draw, domain.said[opposite], taken)
            values["o"], values["r"] = pick(aspect.nouns), pick(aspect.words[opposite])
        elif slot == "m":
            aspect = _aspect(draw, domain.turned[polarity], taken)
            values["m"] = pick(aspect.nouns)
            values["n"] = pick((pattern.short and _short(aspect.simple[opposite])) or aspect.simple[opposite])
            values["t"] = pick(aspect.words[polarity])
        elif slot in ("v", "ev2"):
            first, pool = ("w", domain.whole) if slot == "v" else ("ev", domain.event)
            values[slot] = next(w for w in draw.sample(pool[polarity], 2) if w is not values[first])
        elif slot == "this":
            values["this"] = "이곳" if domain.items[-1] == "곳" else f"이 {pick(domain.items)}"
        elif slot in _POOLS:
            values[slot] = _new(pick, _POOLS[slot](domain, polarity), values)
    if "d" in pattern.slots:
        target = values.get(pattern.degree_of)
        values["d"] = pick(words_of("adv" if isinstance(target, Word) and target.simple else "firm"))


_POOLS: dict[str, Callable[[Domain, str], Sequence[Any]]] = {
    "w": lambda domain, p: domain.whole[p],
    "j": lambda domain, p: domain.whole_simple[p],
    "z": lambda domain, p: domain.whole_simple[other(p)],
    "k": lambda domain, p: domain.act[p],
    "s": lambda domain, p: domain.salient[p],
    "ev": lambda domain, p: domain.event[p],
    "c": lambda domain, p: domain.context,
    "i": lambda domain, p: domain.items,
    "l": lambda domain, p: words_of("lead"),
    "x": lambda domain, p: words_of("sum"),
    "u": lambda domain, p: ("덕분에",) if p == "pos" else ("때문에", "탓에"),
}


def small_words(draw: Draws) -> dict[str, str]:
    """Values for the slots that any sentence may have: time, who, dish …"""
    values = {slot: draw.pick(words_of(slot)) for slot in _SMALL}
    values["dish2"], values["clothes2"] = draw.pick(words_of("dish")), draw.pick(words_of("clothes"))
    return values


def sentence(domain: Domain, polarity: str, voice: Voice, fixed: dict[str, str], draw: Draws) -> str:
    """One evaluative sentence without its final mark. `fixed`: what the document is about (title, town …)."""
    pattern = patterns(domain, polarity, voice.style == "note").pick(draw)
    values: dict[str, Any] = {**small_words(draw), **fixed}
    _fill(pattern, domain, polarity, values, draw)
    return render(pattern.text, values, voice, draw)


def neutral(domain: Domain, voice: Voice, fixed: dict[str, str], draw: Draws) -> str:
    """A sentence that tells a fact or a circumstance and judges nothing."""
    values: dict[str, Any] = {**small_words(draw), **fixed}
    if draw.chance(0.4):
        values["c"] = draw.pick(domain.context)
        return render("{c.끝}", values, voice, draw)
    return render(draw.pick(domain.neutral), values, voice, draw)
