"""Everyday scenes: who does what where, told in many ways, for captions and sentence similarity."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from malmoi.sample.draw import Draws
from malmoi.sample.lexicon import load, word
from malmoi.sample.template import Voice, render

_ORDERS = (
    "{s:이/가} {w} {a.고} [있다/a=]",
    "{w} {s:이/가} {a.고} [있다/a=]",
    "{s:이/가} {w} {a.ㄴ} [중이다/i=]",
    "{w} {a.고} 있는 것은 {s=끝}",
)
_ORDERS_WITHOUT_PLACE = ("{s:이/가} {a.고} [있다/a=]", "{s:이/가} {a.ㄴ} [중이다/i=]", "{s:이/가} {a.끝}")


@dataclass(frozen=True, slots=True)
class Scene:
    """Keys of scenes.toml: the act (its number), who, and where."""

    act: int
    who: str
    where: str


@cache
def _acts() -> tuple[dict[str, list[str]], ...]:
    return tuple(load("scenes")["act"])


def draw_scene(draw: Draws, *, act: int | None = None, who: str = "", where: str = "") -> Scene:
    """A scene that makes sense; given parts are kept. The caller gives only parts that fit the act."""
    number = draw.below(len(_acts())) if act is None else act
    row = _acts()[number]
    return Scene(number, who or draw.pick(row["who"]), where or draw.pick(row["where"]))


def fitting_acts(who: str = "", where: str = "") -> list[int]:
    """Numbers of the acts that `who` can do and that can happen at `where`."""
    return [
        n
        for n, row in enumerate(_acts())
        if (not who or who in row["who"]) and (not where or where in row["where"])
    ]


def choices(act: int) -> tuple[list[str], list[str]]:
    """Who can do an act, and where."""
    return _acts()[act]["who"], _acts()[act]["where"]


def tell(scene: Scene, draw: Draws, *, place: bool = True, style: str = "plain") -> str:
    """One sentence for a scene, in drawn words, without the final mark."""
    data = load("scenes")
    values = {
        "s": draw.pick(data["who"][scene.who]),
        "w": draw.pick(data["where"][scene.where]),
        "a": word(draw.pick(_acts()[scene.act]["say"]) + "/v"),
    }
    order = draw.pick(_ORDERS if place else _ORDERS_WITHOUT_PLACE)
    return render(order, values, Voice(style, False), draw)
