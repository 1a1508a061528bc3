"""A hint is given for what is near, and for nothing else."""

from __future__ import annotations

import pytest

from malmoi.config import Section, read_recipe
from malmoi.errors import MalmoiError
from malmoi.nearest import did_you_mean, nearest

COLUMNS = ["번호", "문장", "감정"]
KEYS = ["finetune.lr", "finetune.epochs", "pretrain.steps", "corpus.min_hangul", "finetune", "out"]


@pytest.mark.parametrize(
    ("wanted", "names", "found"),
    [
        ("문쟝", COLUMNS, "문장"),  # one of two syllables, but five of six letters
        ("감졍", COLUMNS, "감정"),
        ("본문", COLUMNS, None),
        ("아주 긴 글이 열 이름 자리에 왔다", COLUMNS, None),
        ("", COLUMNS, None),
        ("문장", ["배우들의 연기가 살아 있어서 두 번 보았다", "1"], None),
        ("SETPS", ["steps"], "steps"),
        ("finetune.epoch", KEYS, "finetune.epochs"),
        ("finetune.wormup", KEYS, None),  # the section alone is no nearness
        ("corpus.minhangul", KEYS, "corpus.min_hangul"),
        ("fintune", KEYS, "finetune"),
        ("x", [], None),
    ],
)
def test_only_what_is_near(wanted: str, names: list[str], found: str | None) -> None:
    assert nearest(wanted, names) == found
    assert did_you_mean(wanted, names) == (f" Did you mean '{found}'?" if found else "")


class Engine(Section):
    power: int = 1
    fuel: str = ""


class Car(Section):
    engine: Engine = Engine()


def test_a_setting_far_from_all_is_told_what_there_is() -> None:
    with pytest.raises(MalmoiError) as caught:
        read_recipe(None, Car, ["engine.windows=3"])
    assert caught.value.what == "there is no setting 'engine.windows'."
    assert caught.value.do == "correct the name: engine.power, engine.fuel"
    with pytest.raises(MalmoiError) as caught:
        read_recipe(None, Car, ["engnie.power=3"])
    assert caught.value.what == "there is no setting 'engnie'. Did you mean 'engine'?"
