"""The documents of the corpus: reviews, diaries, encyclopedia, news, forum and captions, one generator each.

A generator never ends; the caller takes as many bytes as a file should have. A document is a list of lines.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from malmoi.sample import mess
from malmoi.sample.draw import Draws
from malmoi.sample.lexicon import POLARITIES, domain, load
from malmoi.sample.questions import fact_topics, topics
from malmoi.sample.review import neutral, sentence, small_words
from malmoi.sample.scenes import Scene, draw_scene, tell
from malmoi.sample.template import STYLES, Voice, render
from malmoi.sample.world import Entity, World, relations, subject_of, with_hanja

Document = list[str]


def review(name: str, world: World, draw: Draws, *, low: int, high: int, polarity: str = "") -> list[str]:
    """One review: `low` to `high` sentences of one polarity, about one in six of them neutral."""
    kind, polarity = domain(name), polarity or draw.pick(POLARITIES)
    voice = Voice(draw.pick(STYLES), draw.chance(kind.past))
    about = subject_of(name, world, draw)
    said: list[str] = []
    for n in range(draw.between(low, high)):
        judged = n == 0 or not draw.chance(0.17)
        said.append(
            sentence(kind, polarity, voice, about, draw) if judged else neutral(kind, voice, about, draw)
        )
    # A review often opens with a circumstance.
    if len(said) > 2 and draw.chance(0.3):
        said.insert(0, neutral(kind, voice, about, draw))
    return mess.close(list(dict.fromkeys(said)), voice.style, draw)


def reviews(names: tuple[str, ...], world: World, draw: Draws) -> Iterator[Document]:
    """Short ones are one to three sentences, as people leave them; long ones are paragraphs of a blog."""
    while True:
        name = draw.pick(names)
        low, high = (1, 3) if draw.chance(0.35) else (4, 7) if draw.chance(0.75) else (8, 12)
        said = review(name, world, draw, low=low, high=high)
        text = mess.dirty(" ".join(said), draw)
        if len(said) > 7 and draw.chance(0.5):  # a blog breaks its lines
            text = text.replace(". ", ".\n")
        yield text.split("\n")


def diaries(world: World, draw: Draws) -> Iterator[Document]:
    while True:
        head = f"2026년 {draw.between(1, 12)}월 {draw.between(1, 28)}일"
        said = review("diary", world, draw, low=3, high=8)
        yield [head, mess.dirty(" ".join(said), draw)]


def facts(entity: Entity, voice: Voice, draw: Draws) -> list[str]:
    """Every fact of an entity once, in drawn order, each in one of its wordings; a third of them in two."""
    told = []
    for relation in draw.shuffled(relations()[entity.kind]):
        if relation.name not in entity.facts:
            continue
        values: dict[str, Any] = {"e": entity.name, "v": entity.facts[relation.name]}
        wordings = draw.sample(relation.say, 2 if draw.chance(0.3) else 1)
        told += [render(wording, values, voice, draw) for wording in wordings]
    return told


def articles(world: World, draw: Draws) -> Iterator[Document]:
    """Encyclopedia articles with leftovers of wiki markup and hanja in brackets, every entity in turn."""
    number = 0
    while True:
        for entity in draw.shuffled(world.entities):
            number += 1
            voice = Voice("plain" if draw.chance(0.8) else "formal", False)
            told = [f"{line}." for line in facts(entity, voice, draw)]
            if draw.chance(0.7):
                told[0] = told[0].replace(entity.name, with_hanja(entity.name), 1)
            if draw.chance(0.15):
                told[-1] = told[-1].replace(entity.name, f"[[{entity.name}]]", 1)
            lines = [entity.name, "", " ".join(told[:4]), *([" ".join(told[4:])] if told[4:] else [])]
            if draw.chance(0.1):
                lines.append(f"== 같이 보기 ==\n* [[{draw.pick(world.entities).name}]]")
            if draw.chance(0.08):
                lines.append(mess.boilerplate(draw))
            title = entity.name.strip("'『』")
            yield [
                f'<doc id="{number}" url="http://wiki.example.com/{number}" title="{title}">',
                *lines,
                "</doc>",
            ]


def news(world: World, draw: Draws) -> Iterator[Document]:
    """News: headline, body on one topic with facts of the world woven in, reporter, copyright line."""
    data = load("news")
    while True:
        topic, town = draw.pick(data["topic"]), draw.pick(world.towns)
        local = [company for company in world.companies if company.facts["town"] == town.name]
        company = draw.pick(local or world.companies)
        reporter = draw.pick(world.people).name
        fixed = {**small_words(draw), **town.facts, "town": town.name, "company": company.name}
        fixed |= {"person": draw.pick(world.people).name, "title": draw.pick(world.films).name}
        body: list[str] = []

        def write(text: str, fixed: dict[str, str] = fixed) -> str:
            numbers = {"n": str(draw.between(11, 90)), "m": str(draw.between(2, 9))}
            day = draw.pick(data["words"]["day"])
            return render(text, {**fixed, **numbers, "day": day}, Voice("plain", False), draw)

        body += [write(text) + "." for text in draw.sample(topic["say"], draw.between(3, 6))]
        if draw.chance(0.6):
            told = facts(draw.pick((town, company)), Voice("plain", False), draw)
            body.insert(draw.between(1, len(body)), told[0] + ".")
        lines = [write(draw.pick(topic["headline"]))]
        lines.append(f"[{town.name[:-1]}={reporter} 기자] {' '.join(body)}")
        if draw.chance(0.5):
            lines.append(f"{reporter} 기자 reporter{draw.between(1, 60)}@example.com")
        if draw.chance(0.6):
            lines.append(mess.boilerplate(draw))
        yield lines


def forum(world: World, draw: Draws) -> Iterator[Document]:
    """A question, the same question in other words, and answers: title first, then the text."""
    everyday, about_facts = topics(), fact_topics(world)
    while True:
        if draw.chance(0.55):
            topic = draw.pick(everyday)
            intent, thing = draw.pick(topic.intents), draw.pick(topic.things)
            voice = Voice("polite", False)
            asked = [render(text, {"x": thing}, voice, draw) for text in draw.sample(intent.ask, 2)]
            answers = [f"{text}." for text in draw.sample(intent.answer, draw.between(1, 2))]
        else:
            entity, relation = draw.pick(about_facts)
            values: dict[str, Any] = {"e": entity.name, "v": entity.facts[relation.name]}
            voice = Voice(draw.pick(("polite", "formal")), False)
            asked = [render(text, values, voice, draw) for text in draw.sample(relation.ask, 2)]
            answers = [render(text, values, voice, draw) + "." for text in draw.sample(relation.say, 2)]
        marked = [f"{question}?" if question.endswith(("요", "죠", "까")) else question for question in asked]
        yield [marked[0], f"{marked[1]} {mess.dirty(' '.join(answers), draw)}"]


def captions(draw: Draws) -> Iterator[Document]:
    """What a picture shows, said in three to five ways."""
    while True:
        scene: Scene = draw_scene(draw)
        told = dict.fromkeys(tell(scene, draw) + "." for _ in range(draw.between(3, 5)))
        yield [f"사진 {draw.between(1, 9999)}", *told]
