"""Questions: topics of everyday life and facts of the invented country, each asked in several ways."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from malmoi.sample.lexicon import load
from malmoi.sample.world import Entity, Relation, World, relations


@dataclass(frozen=True, slots=True)
class Intent:
    """What a question wants: templates over {x}."""

    ask: tuple[str, ...]
    answer: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Topic:
    things: tuple[str, ...]
    intents: tuple[Intent, ...]


@cache
def topics() -> tuple[Topic, ...]:
    return tuple(
        Topic(
            tuple(table["things"]),
            tuple(Intent(tuple(intent["ask"]), tuple(intent["answer"])) for intent in table["intent"]),
        )
        for table in load("questions")["topic"]
    )


def fact_topics(world: World) -> list[tuple[Entity, Relation]]:
    """Every fact of the world that can be asked about."""
    return [
        (entity, relation)
        for entity in world.entities
        for relation in relations()[entity.kind]
        if relation.name in entity.facts
    ]
