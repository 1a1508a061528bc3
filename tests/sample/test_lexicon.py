"""The lexicon and its split: nothing is both good and bad, roots stay together, templates can be filled."""

from __future__ import annotations

from collections import Counter

from malmoi.sample.draw import Draws
from malmoi.sample.labelled import unknown_expressions
from malmoi.sample.lexicon import (
    DOMAINS,
    LABELLED_DOMAINS,
    POLARITIES,
    domain,
    expressions,
    known_expressions,
    load,
)
from malmoi.sample.review import neutral, patterns, sentence
from malmoi.sample.template import STYLES, Voice
from malmoi.sample.world import make_world, subject_of

PINNED = [68, 880, 764, 301, 967, 794]


def test_several_hundred_expressions_of_each_polarity_and_none_of_both() -> None:
    good, bad = (set(expressions()[polarity]) for polarity in ("pos", "neg"))
    assert len(good) > 300
    assert len(bad) > 300
    assert not good & bad


def test_a_third_is_known_in_each_polarity() -> None:
    for polarity in POLARITIES:
        texts = expressions()[polarity]
        share = sum(text in known_expressions() for text in texts) / len(texts)
        assert 0.33 < share < 0.40


def test_known_and_unknown_share_no_root_within_a_polarity() -> None:
    for polarity in POLARITIES:
        known = {text[:2] for text in expressions()[polarity] if text in known_expressions()}
        unknown = {text[:2] for text in expressions()[polarity] if text in unknown_expressions()}
        assert not known & unknown


def test_every_view_speaks_both_polarities_in_every_style() -> None:
    world, draw = make_world(7), Draws(1, "test")
    for name in LABELLED_DOMAINS:
        for allowed in (None, known_expressions(), unknown_expressions()):
            for polarity in POLARITIES:
                for style in STYLES:
                    voice, kind = Voice(style, True), domain(name, allowed)
                    text = sentence(kind, polarity, voice, subject_of(name, world, draw), draw)
                    assert text and "{" not in text and "[" not in text


def test_every_pattern_and_neutral_sentence_can_be_rendered() -> None:
    world, draw = make_world(7), Draws(2, "test")
    for name in DOMAINS:
        kind = domain(name)
        for _ in range(400):
            voice = Voice(draw.pick(STYLES), draw.chance(0.5))
            about = subject_of(name, world, draw)
            for text in (sentence(kind, "pos", voice, about, draw), neutral(kind, voice, about, draw)):
                assert "{" not in text and "[" not in text and "  " not in text
        assert len(patterns(kind, "neg", note=False).items) > 40


def test_draws_are_the_same_everywhere() -> None:
    draw = Draws(7, "x")
    assert [draw.below(1000) for _ in range(6)] == PINNED
    assert sorted(draw.shuffled(range(10))) == list(range(10))
    assert len(draw.sample("abc", 9)) == 3


def test_facts_of_the_world_agree_with_each_other() -> None:
    world = make_world(7)
    people, towns = {p.name: p for p in world.people}, {t.name for t in world.towns}
    assert all(people[t.facts["mayor"]].facts["job"] == "정치인" for t in world.towns)
    assert all(people[f.facts["director"]].facts["job"] == "영화감독" for f in world.films)
    assert all(people[b.facts["author"]].facts["job"] == "소설가" for b in world.books)
    assert {c.facts["town"] for c in world.companies} <= towns
    names = Counter(entity.name for entity in world.entities)
    assert max(names.values()) == 1
    assert len(world.entities) == 340


def test_noise_names_no_real_address() -> None:
    for line in load("noise")["spam"] + load("noise")["personal"]:
        assert "http" not in line or "example.com" in line
