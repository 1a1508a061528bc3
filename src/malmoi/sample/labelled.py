"""The labelled sets: reviews (NSMC format), sentence similarity (KorSTS format), question pairs.

The reviews of the training file know a third of the evaluative expressions, those of the test file mostly the
others. What the others mean stands only in the raw corpus, in the company they keep.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

from malmoi.sample import mess
from malmoi.sample.draw import Draws
from malmoi.sample.lexicon import LABELLED_DOMAINS, POLARITIES, domain, expressions, known_expressions
from malmoi.sample.questions import Topic, fact_topics, topics
from malmoi.sample.review import neutral, sentence
from malmoi.sample.scenes import Scene, choices, draw_scene, fitting_acts, tell
from malmoi.sample.template import STYLES, Voice, render
from malmoi.sample.world import Entity, Relation, World, relations, subject_of

NSMC_ROWS = {"train": 2000, "test": 1000}
STS_ROWS = {"train": 800, "dev": 150, "test": 150}
PAIR_ROWS = {"train": 1500, "dev": 200, "test": 200}
# Share of the test reviews that speak with known expressions, so that a bag of letters is not quite helpless.
KNOWN_TEST_SHARE = 0.35
_INTERROGATIVE = (
    "나요",
    "까요",
    "예요",
    "에요",
    "죠",
    "돼요",
    "해요",
    "멀어요",
    "뭐예요",
    "걸려요",
    "있어요",
    "받아요",
)
BLANK_ROWS = {"train": 5, "test": 3}
Facts = list[tuple[Entity, Relation]]


@cache
def unknown_expressions() -> frozenset[str]:
    everything = {text for polarity in POLARITIES for text in expressions()[polarity]}
    return frozenset(everything - known_expressions())


def _review(world: World, label: int, allowed: frozenset[str], draw: Draws) -> list[str]:
    """Sentences of one labelled review, without final marks, and how it speaks."""
    kind = domain(draw.pick(LABELLED_DOMAINS), allowed)
    voice = Voice(draw.pick(STYLES), draw.chance(kind.past))
    about = subject_of(kind.name, world, draw)
    said = [
        sentence(kind, POLARITIES[label], voice, about, draw) for _ in range(1 if draw.chance(0.45) else 2)
    ]
    if draw.chance(0.2):
        said.insert(draw.below(2), neutral(kind, voice, about, draw))
    return mess.close(list(dict.fromkeys(said)), voice.style, draw)


def nsmc(world: World, seed: int) -> dict[str, list[tuple[str, str, int]]]:
    """split → rows (id, document, label), balanced; no sentence of the training file stands in the test file.

    A few documents are blank and a few hold bare quotes, as in the published files.
    """
    rows: dict[str, list[tuple[str, str, int]]] = {}
    seen: dict[str, set[str]] = {}
    for split, count in NSMC_ROWS.items():
        draw, made = Draws(seed, f"nsmc/{split}"), list[tuple[str, str, int]]()
        texts: set[str] = set()
        seen[split] = set()
        blanks = {count * (n + 1) // (BLANK_ROWS[split] + 1) for n in range(BLANK_ROWS[split])}
        while len(made) < count:
            label, number = len(made) % 2, str(1_000_000 + draw.below(9_000_000))
            if len(made) in blanks:
                made.append((number, "", label))
                continue
            known = split == "train" or draw.chance(KNOWN_TEST_SHARE)
            allowed = known_expressions() if known else unknown_expressions()
            said = _review(world, label, allowed, draw)
            text, keys = " ".join(said), {letters(line) for line in said}
            if text in texts or (split == "test" and keys & seen["train"]):
                continue
            texts.add(text)
            seen[split] |= keys
            if draw.chance(0.05):
                text = mess.misspell(text, draw)
            if draw.chance(0.02):
                text = f'"{text}'  # a quote that is never closed
            elif draw.chance(0.02):
                head, _, rest = text.partition(" ")
                text = f'"{head}" {rest}'
            made.append((number, text, label))
        rows[split] = draw.shuffled(made)
    return rows


def letters(sentence: str) -> str:
    """What is compared to tell whether two files share a sentence: syllables, letters, digits (no ㅋㅋ)."""
    return "".join(c for c in sentence if c.isalnum() and not "ㄱ" <= c <= "ㅣ")


def _scene_pair(draw: Draws) -> tuple[float, str, str]:
    scene = draw_scene(draw)
    shared = draw.below(6)
    other, kept = scene, True
    low, high = 4.6, 5.0
    whos, wheres = choices(scene.act)
    if shared == 4:
        kept, low, high = False, 3.6, 4.4
    elif shared == 3:
        other, (low, high) = Scene(scene.act, scene.who, _different(wheres, scene.where, draw)), (2.8, 3.4)
    elif shared == 2:
        if draw.chance(0.5):
            other, (low, high) = Scene(scene.act, _different(whos, scene.who, draw), scene.where), (2.2, 2.8)
        else:
            act = draw.pick(fitting_acts(scene.who, scene.where))
            other, (low, high) = Scene(act, scene.who, scene.where), (1.4, 2.0)
    elif shared == 1:
        act = draw.pick(fitting_acts(scene.who))
        other, (low, high) = draw_scene(draw, act=act, who=scene.who), (0.4, 1.2)
    elif shared == 0:
        other, (low, high) = draw_scene(draw), (0.0, 0.4)
    # Chance may have drawn the same scene again, or one that shares more than was meant.
    same = (scene.act == other.act) + (scene.who == other.who) + (scene.where == other.where)
    if shared < 4 and same > (2 if shared in (2, 3) else 1 if shared == 1 else 0):
        return _scene_pair(draw)
    style = draw.pick(("plain", "formal"))
    return (
        low + (high - low) * draw.below(6) / 5,
        tell(scene, draw, style=style) + ".",
        tell(other, draw, place=kept, style=style) + ".",
    )


def _different(options: list[str], but: str, draw: Draws) -> str:
    rest = [option for option in options if option != but]
    return draw.pick(rest) if rest else but


def _say(entity: Entity, relation: Relation, draw: Draws, wording: str = "") -> str:
    values: dict[str, Any] = {"e": entity.name, "v": entity.facts[relation.name]}
    return render(wording or draw.pick(relation.say), values, Voice("plain", False), draw) + "."


def _fact_pair(world: World, facts: Facts, draw: Draws) -> tuple[float, str, str]:
    entity, relation = draw.pick(facts)
    first, second = draw.sample(relation.say, 2)
    kind = draw.below(4)
    if kind == 0:
        low, right = 4.6, _say(entity, relation, draw, second)
    elif kind == 1:  # the same is said of another
        others = [e for e in world.entities if e.kind == entity.kind and e.name != entity.name]
        low, right = 1.6, _say(draw.pick(others), relation, draw, second)
    elif kind == 2:  # something else is said of the same
        rest = [r for r in relations()[entity.kind] if r.name != relation.name and r.name in entity.facts]
        low, right = 1.0, _say(entity, draw.pick(rest), draw)
    else:
        other, unrelated = draw.pick([pair for pair in facts if pair[0].kind != entity.kind])
        low, right = 0.0, _say(other, unrelated, draw)
    return low + draw.below(5) / 10, _say(entity, relation, draw, first), right


def sts(world: World, seed: int) -> dict[str, list[tuple[str, ...]]]:
    """split → rows (genre, filename, year, id, score, sentence1, sentence2), scored by shared meaning."""
    rows: dict[str, list[tuple[str, ...]]] = {}
    facts = fact_topics(world)
    for split, count in STS_ROWS.items():
        draw, made = Draws(seed, f"korsts/{split}"), list[tuple[str, ...]]()
        while len(made) < count:
            scene = draw.chance(0.7)
            score, left, right = _scene_pair(draw) if scene else _fact_pair(world, facts, draw)
            if draw.chance(0.05):  # quotes at the start of a cell, and one never closed
                left, right = f'"{left}"', f'"{right}'
            genre, file = ("main-captions", "images") if scene else ("main-facts", "country")
            made.append((genre, file, "2026", f"{len(made):04}", f"{score:.3f}", left, right))
        rows[split] = made
    return rows


def _everyday_pair(draw: Draws, same: bool) -> tuple[str, str]:
    topic: Topic = draw.pick(topics())
    intent, thing, voice = draw.pick(topic.intents), draw.pick(topic.things), Voice("polite", False)
    left, right = draw.sample(intent.ask, 2)
    other = thing
    if not same:
        if draw.chance(0.65):  # the same thing, something else asked
            right = draw.pick(draw.pick([i for i in topic.intents if i is not intent]).ask)
        else:
            other = draw.pick([t for t in topic.things if t != thing])
    return render(left, {"x": thing}, voice, draw), render(right, {"x": other}, voice, draw)


def _fact_questions(world: World, facts: Facts, draw: Draws, same: bool) -> tuple[str, str]:
    entity, relation = draw.pick(facts)
    left, right = draw.sample(relation.ask, 2)
    other = entity
    if not same:
        if draw.chance(0.6):
            right = draw.pick(draw.pick([r for r in relations()[entity.kind] if r.name != relation.name]).ask)
        else:
            other = draw.pick([e for e in world.entities if e.kind == entity.kind and e.name != entity.name])
    voice = Voice("polite", False)
    return render(left, {"e": entity.name}, voice, draw), render(right, {"e": other.name}, voice, draw)


def _pairs(world: World, draw: Draws) -> Iterator[tuple[str, str, int]]:
    facts = fact_topics(world)
    while True:
        same = draw.chance(0.45)
        everyday = draw.chance(0.75)
        left, right = _everyday_pair(draw, same) if everyday else _fact_questions(world, facts, draw, same)
        if draw.chance(0.01):
            right, same = left, True
        yield asked(left, draw), asked(right, draw), 0 if same else 1


def asked(question: str, draw: Draws) -> str:
    """A question with its mark, which people often leave out; requests have none."""
    return question + "?" if question.endswith(_INTERROGATIVE) and draw.chance(0.7) else question


def question_pairs(world: World, seed: int) -> dict[str, list[tuple[str, str, int]]]:
    """split → rows (question1, question2, is_duplicate); 0 means the same, as in the published files."""
    rows: dict[str, list[tuple[str, str, int]]] = {}
    seen: set[tuple[str, str]] = set()
    for split, count in PAIR_ROWS.items():
        made: list[tuple[str, str, int]] = []
        for left, right, label in _pairs(world, Draws(seed, f"question_pair/{split}")):
            if (left, right) not in seen:
                seen.add((left, right))
                made.append((left, right, label))
            if len(made) == count:
                break
        rows[split] = made
    return rows
