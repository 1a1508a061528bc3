"""Settings of one of several kinds: which class, which defaults, what an editor is told."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, ValidationError

from malmoi.config import Section, read_recipe
from malmoi.errors import MalmoiError
from malmoi.kinds import OneOf, SettingsOf


class Wheel(Section):
    spokes: int = 8


class Motor(Section):
    name: str = "motor"
    power: int = 3
    wheel: Wheel = Wheel()


class Sail(Section):
    name: str = "sail"
    area: float = 1.5


@dataclass(frozen=True)
class Kind:
    config: type[BaseModel]


KINDS: dict[str, Kind] = {"motor": Kind(Motor), "turbo": Kind(Motor), "sail": Kind(Sail)}
OWN = Motor(power=5)


class Boat(Section):
    drive: Annotated[BaseModel, SettingsOf(KINDS, OWN)] = OWN
    flag: Annotated[str, OneOf(KINDS)] = "sail"


def test_defaults_are_the_field_s_for_its_own_kind_and_the_class_s_for_others() -> None:
    assert Boat().drive == OWN
    assert Boat.model_validate({"drive": {"wheel": {"spokes": 6}}}).drive == Motor(
        power=5, wheel=Wheel(spokes=6)
    )
    assert Boat.model_validate({"drive": {"name": "turbo"}}).drive == Motor(name="turbo", power=3)
    assert Boat.model_validate({"drive": {"name": "sail"}}).drive == Sail()


def test_what_was_written_is_read_again() -> None:
    for boat in (Boat(), Boat(drive=Sail(area=2)), Boat(drive=Motor(name="turbo"))):
        assert Boat.model_validate(boat.model_dump(mode="json")) == boat


@pytest.mark.parametrize("wrong", [Motor(name="oars"), Wheel(), Sail(name="motor"), 3])
def test_an_object_of_no_kind_is_refused(wrong: Any) -> None:
    with pytest.raises(ValidationError):
        Boat(drive=wrong)


@pytest.mark.parametrize(
    ("sets", "told"),
    [
        (["drive.name=oars"], "'drive.name' cannot be 'oars': it should be one of 'motor', 'turbo', 'sail'"),
        (["drive.powr=1"], "'drive.power'"),
        (["drive.spokes=1"], "no setting 'drive.spokes'"),
        (["drive.wheel.spokes=many"], "'drive.wheel.spokes' cannot be 'many'"),
        (["drive.name=sail", "drive.power=1"], "no setting 'drive.power'"),
        (["flag=oars"], "'flag' cannot be 'oars'"),
    ],
)
def test_mistakes_are_named_with_their_place(sets: list[str], told: str) -> None:
    with pytest.raises(MalmoiError) as caught:
        read_recipe(None, Boat, sets)
    assert told in caught.value.what


def test_an_editor_is_told_of_each_kind_its_name_and_its_fields() -> None:
    schema = Boat.model_json_schema()
    name, motor, turbo, sail = schema["properties"]["drive"]["anyOf"]
    assert name == {"enum": ["motor", "turbo", "sail"], "type": "string"}
    assert [one["properties"]["name"]["const"] for one in (motor, turbo, sail)] == ["motor", "turbo", "sail"]
    assert motor["properties"]["power"]["default"] == 5 and turbo["properties"]["power"]["default"] == 3
    assert "required" not in motor and turbo["required"] == ["name"]
    assert schema["properties"]["flag"]["enum"] == ["motor", "turbo", "sail"]
    assert set(schema["$defs"]) >= {"Wheel"}  # what the branches refer to


def read(*sets: str, recipe: str = "", tmp: Path) -> tuple[Boat, dict[str, str]]:
    (tmp / "boat.toml").write_text(recipe, "utf-8")
    return read_recipe(tmp / "boat.toml", Boat, sets)


def test_a_word_is_the_name_of_a_kind_and_keeps_what_was_set_of_it(tmp_path: Path) -> None:
    own = 'drive.name = "turbo"\ndrive.power = 7\n'
    boat, origins = read("drive=turbo", recipe=own, tmp=tmp_path)
    assert boat.drive == Motor(name="turbo", power=7)
    assert origins == {"drive.name": "--set", "drive.power": f"{tmp_path}/boat.toml:2"}
    for sets in (("drive.power=7", "drive=turbo"), ("drive=turbo", "drive.power=7")):
        assert read(*sets, tmp=tmp_path)[0].drive == Motor(name="turbo", power=7)
    boat, origins = read("drive=sail", recipe=own, tmp=tmp_path)
    assert boat.drive == Sail() and origins == {"drive.name": "--set"}, "of another kind nothing is left"
    boat, _ = read("drive.power=7", recipe='drive = "turbo"\n', tmp=tmp_path)
    assert boat.drive == Motor(name="turbo", power=7)


def test_a_setting_of_another_kind_is_told_with_what_it_needs(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError) as caught:
        read("drive.area=3", tmp=tmp_path)
    assert "'drive.area' is a setting of drive=sail." in caught.value.what
    assert caught.value.do.endswith("drive.area (drive=sail)")
