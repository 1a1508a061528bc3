"""The invented country of the sample: entities with stable facts, from a seed.

A fact is (entity, relation, value). Every document states the same facts, in several wordings, so they can be
learned from the raw text and asked about later.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from typing import Any

from malmoi.sample.draw import Draws
from malmoi.sample.lexicon import load, words_of


@dataclass(frozen=True, slots=True)
class Relation:
    """One kind of fact: `say` and `ask` are templates over {e} (entity) and {v} (value)."""

    kind: str
    name: str
    say: tuple[str, ...]
    ask: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Entity:
    kind: str
    name: str
    facts: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class World:
    """All entities by kind: town, company, person, film, book."""

    towns: tuple[Entity, ...]
    companies: tuple[Entity, ...]
    people: tuple[Entity, ...]
    films: tuple[Entity, ...]
    books: tuple[Entity, ...]

    @property
    def entities(self) -> tuple[Entity, ...]:
        return self.towns + self.companies + self.people + self.films + self.books


@cache
def relations() -> dict[str, tuple[Relation, ...]]:
    """kind of entity → its relations."""
    found: dict[str, tuple[Relation, ...]] = {}
    for table in load("world")["relation"]:
        relation = Relation(table["kind"], table["name"], tuple(table["say"]), tuple(table["ask"]))
        found[relation.kind] = (*found.get(relation.kind, ()), relation)
    return found


def make_world(seed: int) -> World:
    """30 towns, 40 companies, 150 people, 60 films and 60 books, whose facts refer to each other."""
    draw, names = Draws(seed, "world"), load("world")["names"]

    def pick(kind: str) -> str:
        return str(draw.pick(names[kind]))

    def year(low: int, high: int) -> str:
        return str(draw.between(low, high))

    everyone = draw.sample([s + g for s in names["surnames"] for g in names["given"]], 150)
    town_names = [f"{name}시" for name in names["towns"]]
    landmarks, specialties = draw.shuffled(names["landmarks"]), draw.shuffled(names["specialties"])
    mayors = everyone[: len(town_names)]
    towns = tuple(
        Entity(
            "town",
            town,
            {
                "province": pick("provinces"),
                "mayor": mayors[n],
                "river": pick("rivers"),
                "specialty": specialties[n % len(specialties)],
                "festival": pick("festivals"),
                "month": pick("months"),
                "landmark": landmarks[n % len(landmarks)],
            },
        )
        for n, town in enumerate(town_names)
    )
    jobs = {person: "정치인" if n < len(mayors) else pick("jobs") for n, person in enumerate(everyone)}
    people = tuple(
        Entity("person", p, {"job": jobs[p], "birthplace": draw.pick(town_names), "year": year(1931, 2001)})
        for p in everyone
    )

    def those(job: str) -> list[str]:
        return [person for person in everyone if jobs[person] == job]

    companies = tuple(
        Entity(
            "company",
            name,
            {"founder": draw.pick(everyone), "town": draw.pick(town_names), "year": year(1946, 2019)},
        )
        for name in draw.sample([c + t for c in names["companies"] for t in names["trades"]], 40)
    )
    titles = draw.sample(
        [f"{first} {last}" for first in names["title_first"] for last in names["title_last"]], 120
    )
    films = tuple(
        Entity(
            "film",
            f"'{title}'",
            {
                "director": draw.pick(those("영화감독")),
                "actor": draw.pick(those("배우")),
                "town": draw.pick(town_names),
            },
        )
        for title in titles[:60]
    )
    books = tuple(
        Entity(
            "book",
            f"『{title}』",
            {
                "author": draw.pick(those("소설가")),
                "publisher": pick("publishers"),
                "subject": pick("subjects"),
            },
        )
        for title in titles[60:]
    )
    return World(towns, companies, people, films, books)


def with_hanja(name: str) -> str:
    """한결시 → 한결시(韓潔市), where every syllable has a character in the table; else the name alone."""
    table = dict(pair for pair in load("world")["hanja"]["of"].split())
    return f"{name}({''.join(table[c] for c in name)})" if all(c in table for c in name) else name


def subject_of(domain: str, world: World, draw: Draws) -> dict[str, Any]:
    """What a review is about: values for title, town, director … that agree with the facts of the world."""
    town, company = draw.pick(world.towns), draw.pick(world.companies)
    names = load("world")["names"]
    film, book = draw.pick(world.films), draw.pick(world.books)
    title = {
        "film": film.name,
        "diary": film.name,
        "book": book.name,
        "food": f"{draw.pick(names['houses'])} 식당",
        "place": f"{draw.pick(names['houses'])} 민박",
        "gadget": f"{company.name[:-2]} {draw.pick('AKNSX')}{draw.between(1, 9)}",
        "shop": f"{draw.pick(names['houses'])} 옷방",
    }[domain]
    return {
        "title": title,
        "town": film.facts["town"] if domain == "film" else town.name,
        "river": town.facts["river"],
        "director": film.facts["director"],
        "actor": film.facts["actor"],
        "author": book.facts["author"],
        "publisher": book.facts["publisher"],
        "company": company.name,
        "device": draw.pick(words_of("device")),
    }
