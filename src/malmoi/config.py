"""Recipes: TOML read into frozen pydantic models that live beside their owners.

Fields are *identity* (they change the result and enter the artifact's key) unless declared with
`execution(…)`: device, workers, logging. Every value's origin (default, recipe line, --set) is kept.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.kinds import SETTINGS_FAULT, SettingsOf
from malmoi.messages import catalog, text
from malmoi.nearest import did_you_mean, nearest
from malmoi.toml_lines import key_lines


class Section(BaseModel):
    """Base of all config sections: frozen, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


S = TypeVar("S", bound=Section)


def execution(default: Any, description: str, **constraints: Any) -> Any:
    """A field that does not change the result (device, workers, …) and so stays out of the artifact's key."""
    return Field(default, description=description, json_schema_extra={"execution": True}, **constraints)


def identity(section: BaseModel) -> dict[str, Any]:
    """The identity fields of a section as plain JSON values, nested sections included."""
    kept: dict[str, Any] = {}
    for name, field in type(section).model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and extra.get("execution"):
            continue
        value = getattr(section, name)
        kept[name] = (
            identity(value) if isinstance(value, BaseModel) else section.model_dump(mode="json")[name]
        )
    return kept


def read_recipe(
    path: Path | None, model: type[S], overrides: Sequence[str] = (), *, others: Iterable[str] = ()
) -> tuple[S, dict[str, str]]:
    """Read a TOML recipe (None: an empty one) and `--set a.b=c` overrides.

    Args:
        others: top-level names that are valid in a recipe but of no concern to `model`; they are dropped.

    Returns the filled-in config and, for each dotted key, where its value came from.
    Raises MalmoiError: no such file (MM0001), not TOML (MM0002), unknown key (MM0003), bad value (MM0004),
    a malformed --set (MM0005).
    """
    table, origins = _read_table(path) if path is not None else ({}, {})
    for override in overrides:
        _apply(table, origins, override, model)
    for name in others:
        table.pop(name, None)
    origins = {key: origin for key, origin in origins.items() if key.partition(".")[0] in table}
    return build(model, table, origins), origins


def _read_table(path: Path) -> tuple[dict[str, Any], dict[str, str]]:
    try:
        source = path.read_text("utf-8-sig")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        raise MalmoiError(Code.RECIPE_MISSING, path=path) from None
    except (OSError, UnicodeDecodeError) as error:
        raise MalmoiError(Code.RECIPE_NOT_TOML, path, detail=error) from None
    try:
        table = tomllib.loads(source)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+), column (\d+)", str(error))
        place = f"{path}:{found[1]}:{found[2]}" if found else str(path)
        raise MalmoiError(Code.RECIPE_NOT_TOML, place, detail=error) from None
    except (ValueError, RecursionError) as error:  # an integer of thousands of digits; a thousand brackets
        raise MalmoiError(Code.RECIPE_NOT_TOML, path, detail=error) from None
    lines = key_lines(source)
    return table, {key: f"{path}:{lines.get(key, 1)}" for key in _dotted(table)}


def changed(section: S, changes: Mapping[str, Any], origins: Mapping[str, str], prefix: str) -> S:
    """A section with some fields changed; `prefix` is where the recipe changes them (`runs.electra.model`).

    Raises MM0003 (unknown key) and MM0004 (bad value) as `read_recipe`.
    """
    return build(type(section), _over(section, changes), origins, f"{prefix}.")


def _over(section: BaseModel, changes: Mapping[str, Any]) -> dict[str, Any]:
    """The table of `section` with changes laid over it, settings of the same kind over each other."""
    table: dict[str, Any] = section.model_dump(exclude_unset=True)
    if (kind := getattr(section, "name", None)) is not None:
        table["name"] = kind  # whose settings they are, also where the default said so
    for name, value in changes.items():
        before = getattr(section, name, None)
        if isinstance(before, BaseModel) and isinstance(value, str):
            value = {"name": value}
        if isinstance(before, BaseModel) and isinstance(value, dict):
            kind = getattr(before, "name", None)
            value = _over(before, value) if value.get("name", kind) == kind else value
        table[name] = value
    return table


def build(model: type[S], table: Mapping[str, Any], origins: Mapping[str, str], prefix: str = "") -> S:
    """Validate a table; the first thing wrong with it becomes a MalmoiError that names its place."""
    try:
        return model.model_validate(table)
    except ValidationError as error:
        first, place = _first_fault(error)
        key = (prefix + ".".join(map(str, place))).removesuffix(".")
        where = place_of(key, origins)
        if first["type"] == "extra_forbidden":
            raise _unknown(key, where, valid_keys(model, prefix, table), of_kinds(model, prefix)) from None
        raise MalmoiError(
            Code.BAD_SETTING, where, key=key, value=_short(first.get("input")), detail=wanted(first)
        ) from None


def _first_fault(error: ValidationError) -> tuple[ErrorDetails, tuple[int | str, ...]]:
    """The first thing that is wrong and where, inside the settings of a kind too."""
    first = error.errors()[0]
    place = first["loc"]
    while first["type"] == SETTINGS_FAULT:
        first = first["ctx"]["fault"]
        place += first["loc"]
    return first, place


def wanted(fault: ErrorDetails) -> str:
    """What a value should have been; pydantic's own words where the catalog has none."""
    key = f"config.wrong.{fault['type']}"
    if key not in catalog():
        return fault["msg"]
    values = dict(fault.get("ctx", {}))
    if "expected" in values:  # 'a', 'b' or 'c', in English
        values["expected"] = values["expected"].replace(" or ", ", ")
    return text(key, **values)


def of_kinds(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, str]]:
    """(setting, what must be set for it): the settings that kinds bring, `NAME` for names of one's own."""
    for name, field in model.model_fields.items():
        place = f"{prefix}{name}"
        for kind, settings in kinds_of(field).items():
            for setting in settings.model_fields:
                yield f"{place}.{setting}", f"{place}={kind}"
        inner = None if kinds_of(field) else _section_of(field.annotation)
        if inner is not None:
            many = ".NAME." if get_origin(field.annotation) is dict else "."
            yield from of_kinds(inner, place + many)


def _unknown(
    key: str, where: str | None, valid: Sequence[str], kinds: Iterable[tuple[str, str]]
) -> MalmoiError:
    """MM0003 with the nearest valid key or section; where none is near, with those that stand beside it."""
    sections = {name.rpartition(".")[0] for name in valid if "." in name}
    names = [*valid, *sorted(sections)]
    beside, _, last = key.rpartition(".")
    inside = [name for name in names if name.startswith(f"{beside}.") and name.rpartition(".")[2] == last]
    if inside:  # one table too high: pretrain.beta2 is pretrain.optimizer.beta2
        return MalmoiError(
            Code.UNKNOWN_SETTING, where, key=key, hint=text("base.near", near=inside[0]), near=inside[0]
        )
    for name, needs in kinds:  # pretrain.temperature is pretrain.objective.temperature, of ELECTRA
        if name.startswith(key.partition(".")[0]) and name.rpartition(".")[2] == last:
            hint = text("base.of_kind", near=name, needs=needs)
            return MalmoiError(Code.UNKNOWN_SETTING, where, key=key, hint=hint, near=f"{name} ({needs})")
    siblings = [name for name in names if name.rpartition(".")[0] == beside]
    near = nearest(key, names) or ", ".join(siblings or sorted({name.partition(".")[0] for name in valid}))
    return MalmoiError(Code.UNKNOWN_SETTING, where, key=key, hint=did_you_mean(key, names), near=near)


def place_of(key: str, origins: Mapping[str, str]) -> str | None:
    """Where a dotted key is set: itself, else the first below it, else what holds it (an entry of a list)."""
    if key in origins:
        return origins[key]
    below = next((place for name, place in origins.items() if name.startswith(f"{key}.")), None)
    above = key.rpartition(".")[0]
    return below or (place_of(above, origins) if above else None)


def valid_keys(model: type[BaseModel], prefix: str = "", table: Mapping[str, Any] | None = None) -> list[str]:
    """All dotted keys a recipe for `model` may hold; `NAME` stands for those that `table` does not name."""
    keys = []
    for name, field in model.model_fields.items():
        own = (table or {}).get(name)
        inner = settings_class(field, own) or _section_of(field.annotation)
        if inner is None:
            keys.append(prefix + name)
        elif get_origin(field.annotation) is dict:
            for one in own if isinstance(own, dict) and own else ("NAME",):
                keys += valid_keys(inner, f"{prefix}{name}.{one}.")
        else:
            keys += valid_keys(inner, f"{prefix}{name}.", own if isinstance(own, dict) else None)
    return keys


def settings_class(field: FieldInfo, table: Any = None) -> type[BaseModel] | None:
    """The class of a kind's settings that a field holds, by the `name` in `table`; None for other fields."""
    return next((found.model(table) for found in field.metadata if isinstance(found, SettingsOf)), None)


def kinds_of(field: FieldInfo) -> dict[str, type[BaseModel]]:
    """Of a field that holds a kind's settings: their classes by name."""
    found = (one.kinds for one in field.metadata if isinstance(one, SettingsOf))
    return {name: kind.config for kinds in found for name, kind in kinds.items()}


def _section_of(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def dotted(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """All settings of a table by dotted key."""
    for name, value in table.items():
        if isinstance(value, dict):
            yield from dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _dotted(table: dict[str, Any], prefix: str = "") -> list[str]:
    """The keys of all values; an empty table is one."""
    keys: list[str] = []
    for name, value in table.items():
        inner = _dotted(value, f"{prefix}{name}.") if isinstance(value, dict) else []
        keys += inner or [prefix + name]
    return keys


def _apply(table: dict[str, Any], origins: dict[str, str], override: str, model: type[BaseModel]) -> None:
    """Write `a.b=c` into the table, and `--set` into its origins. A word in the place of a kind's settings is
    its name: those of another kind go."""
    key, equals, raw = override.partition("=")
    key = key.strip()
    if not equals or not re.fullmatch(r"[\w-]+(\.[\w-]+)*", key):
        raise MalmoiError(Code.BAD_OVERRIDE, override=override)
    try:
        value = tomllib.loads(f"v = {raw}")["v"]
    except RecursionError:
        raise MalmoiError(Code.BAD_OVERRIDE, override=_short(override)) from None
    except ValueError:
        value = raw  # a bare word is a string: --set pretrain.device=cpu
    *parents, last = key.split(".")
    section: type[BaseModel] | None = model
    for parent in parents:
        field = section.model_fields.get(parent) if section else None
        inner = table.setdefault(parent, {})
        if isinstance(inner, str) and field and kinds_of(field):  # objective = "electra": one of its settings
            inner = table[parent] = {"name": inner}
        if not isinstance(inner, dict):
            raise MalmoiError(Code.BAD_OVERRIDE, override=override)
        table, section = inner, field and (settings_class(field, inner) or _section_of(field.annotation))
    field = section.model_fields.get(last) if section else None
    before = table.get(last)
    if field and kinds_of(field) and isinstance(value, str) and isinstance(before, dict):
        if before.get("name", value) != value:
            for name in [name for name in origins if name.startswith(f"{key}.")]:
                del origins[name]
            before = {}
        table[last], key = before | {"name": value}, f"{key}.name"
    else:
        table[last] = value
    origins[key] = "--set"


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= 60 else shown[:57] + "..."
