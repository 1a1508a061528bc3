"""Recipes: values and where they came from, and an error with its line for every kind of mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import Field

from malmoi.config import Section, execution, identity, read_recipe, valid_keys
from malmoi.errors import MalmoiError


class Engine(Section):
    power: int = Field(3, ge=1, description="How strong.")
    workers: int = execution(1, "Who does it.")


class Machine(Section):
    name: str = "말모이"
    engine: Engine = Engine()
    spare: dict[str, Engine] = Field({})
    sizes: list[int] = Field([])


def _write(folder: Path, source: str) -> Path:
    path = folder / "recipe.toml"
    path.write_text(source, "utf-8")
    return path


def test_values_and_their_origins(tmp_path: Path) -> None:
    path = _write(tmp_path, 'name = "첫째"\n\n[engine]\nworkers = 2\n')
    machine, origins = read_recipe(path, Machine, ["engine.power=7"])
    assert (machine.name, machine.engine.power, machine.engine.workers) == ("첫째", 7, 2)
    assert origins == {"name": f"{path}:1", "engine.workers": f"{path}:4", "engine.power": "--set"}


def test_dotted_keys_and_empty_tables_have_origins(tmp_path: Path) -> None:
    path = _write(tmp_path, "\n[spare]\na = { power = 1, workers = 2 }\nb.power = 2\n[spare.c]\n")
    _, origins = read_recipe(path, Machine)
    places = {"spare.a.power": 3, "spare.a.workers": 3, "spare.b.power": 4, "spare.c": 5}
    assert origins == {key: f"{path}:{line}" for key, line in places.items()}


def test_execution_fields_are_no_part_of_the_identity() -> None:
    assert identity(Machine()) == {"name": "말모이", "engine": {"power": 3}, "spare": {}, "sizes": []}


def test_sections_of_other_verbs_are_dropped(tmp_path: Path) -> None:
    path = _write(tmp_path, "[other]\nx = 1\n[engine]\npower = 2\n")
    machine, origins = read_recipe(path, Machine, others={"other"})
    assert machine.engine.power == 2
    assert list(origins) == ["engine.power"]


@pytest.mark.parametrize(
    ("source", "sets", "code", "where", "told"),
    [
        ("[engine]\npowr = 3\n", [], "MM0003", ":2", "Did you mean 'engine.power'?"),
        ("[engine]\n\npower = 0\n", [], "MM0004", ":3", "it should be 1 or more"),
        ('[engine]\npower = "강"\n', [], "MM0004", ":2", "it should be a whole number"),
        ("[engine\npower = 3\n", [], "MM0002", ":1:8", "not valid TOML"),
        ("", ["engine.power"], "MM0005", None, "--set engine.power cannot be understood"),
        ("", ["engine.pwoer=3"], "MM0003", "--set", "Did you mean 'engine.power'?"),
        ('name = "x"\n', ["name.inner=3"], "MM0005", None, "cannot be understood"),
        ("[spare]\na = {}\nb = { power = 1, wokers = 2 }\n", [], "MM0003", ":3", "'spare.b.workers'?"),
        ("[spare]\na = {}\nb.power = 0\n", [], "MM0004", ":3", "it should be 1 or more"),
        ('[spare]\n[spare.b]\npower = "강"\n', [], "MM0004", ":3", "it should be a whole number"),
        ("\nsizes = [1,\n2.5]\n", [], "MM0004", ":2", "'sizes.1' cannot be 2.5"),
    ],
)
def test_mistakes_are_named_with_their_line(
    tmp_path: Path, source: str, sets: list[str], code: str, where: str | None, told: str
) -> None:
    path = _write(tmp_path, source)
    with pytest.raises(MalmoiError) as caught:
        read_recipe(path, Machine, sets)
    assert caught.value.code == code
    assert told in caught.value.what
    if where is None:
        assert caught.value.where is None
    else:
        assert caught.value.where == (where if where == "--set" else f"{path}{where}")


def test_a_missing_recipe_and_one_that_is_not_utf8(tmp_path: Path) -> None:
    with pytest.raises(MalmoiError, match="MM0001"):
        read_recipe(tmp_path / "none.toml", Machine)
    with pytest.raises(MalmoiError, match="MM0001"):  # the folder of one
        read_recipe(tmp_path, Machine)
    path = tmp_path / "cp949.toml"
    path.write_bytes('name = "말모이"'.encode("cp949"))
    with pytest.raises(MalmoiError, match="MM0002"):
        read_recipe(path, Machine)


def test_valid_keys_are_dotted() -> None:
    own = ["name", "engine.power", "engine.workers"]
    assert valid_keys(Machine) == [*own, "spare.NAME.power", "spare.NAME.workers", "sizes"]
    named = valid_keys(Machine, table={"spare": {"a": {}}})
    assert named == [*own, "spare.a.power", "spare.a.workers", "sizes"]


@pytest.mark.parametrize("source", ["name = " + "[" * 100_000, f"sizes = [{'9' * 5000}]"])
def test_a_recipe_beyond_all_bounds_is_refused(tmp_path: Path, source: str) -> None:
    with pytest.raises(MalmoiError, match="MM0002"):
        read_recipe(_write(tmp_path, source), Machine)
    with pytest.raises(MalmoiError, match=r"MM000[45]"):
        read_recipe(None, Machine, [source.replace(" = ", "=")])
