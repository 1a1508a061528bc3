"""Fields of a recipe that name a kind: an entry of a package's dict, whatever stands in it when a recipe is
read. A new kind is one more entry; the field, its errors, the reference and the schema follow."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any, Protocol

from pydantic import (
    BaseModel,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    SerializationInfo,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

SETTINGS_FAULT = "settings"  # the type of an error whose context holds the first one inside a kind's settings


class WithSettings(Protocol):
    """A kind that has settings of its own."""

    @property
    def config(self) -> type[BaseModel]: ...


def imported(place: str) -> Any:
    """What a "module:name" names: kinds with a library of their own are imported when they are used."""
    module, _, name = place.partition(":")
    return getattr(import_module(module), name)


class OneOf:
    """`Annotated[str, OneOf(KINDS)]`: a field that holds a key of `KINDS`."""

    def __init__(self, kinds: Mapping[str, object]) -> None:
        self.kinds = kinds

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(lambda name: _known(name, self.kinds))

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"enum": list(self.kinds), "type": "string"}


class SettingsOf:
    """`Annotated[Settings, SettingsOf(KINDS, default)]`: a field that holds the settings of one of `KINDS`, a
    table whose `name` says of which, or that name alone.

    Without `name` they are of `default`'s kind, and of that kind what a table leaves out is `default`'s.
    """

    def __init__(self, kinds: Mapping[str, WithSettings], default: BaseModel) -> None:
        self.kinds = kinds
        self.default = default

    def model(self, table: Any = None) -> type[BaseModel]:
        """The class of the settings in a table, the default's where the table names no known kind."""
        name = table.get("name") if isinstance(table, dict) else table
        kind = self.kinds.get(name) if isinstance(name, str) else None
        return type(self.default) if kind is None else kind.config

    def read(self, value: Any) -> Any:
        if isinstance(value, BaseModel):
            return self._checked(value)
        if isinstance(value, str):
            return self.read({"name": _known(value, self.kinds)})
        if not isinstance(value, dict):
            raise PydanticCustomError("dict_type", "a table is needed")
        own = getattr(self.default, "name", None)
        name = self._name(value.get("name", own))
        left_out = self.default.model_dump() if name == own else {}
        try:
            return self.kinds[name].config.model_validate(left_out | value | {"name": name})
        except ValidationError as error:
            raise PydanticCustomError(SETTINGS_FAULT, "{fault}", {"fault": error.errors()[0]}) from None

    def _checked(self, value: BaseModel) -> BaseModel:
        name = self._name(getattr(value, "name", None))
        if not isinstance(value, self.kinds[name].config):
            raise PydanticCustomError("dict_type", "a table is needed")
        return value

    def _name(self, name: Any) -> str:
        try:
            return _known(name, self.kinds)
        except PydanticCustomError as error:
            fault = {"type": error.type, "loc": ("name",), "input": name, "ctx": error.context}
            raise PydanticCustomError(SETTINGS_FAULT, "{fault}", {"fault": fault}) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(_dump, info_arg=True),
        )

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """A name, or one branch a kind: its name, which only the default's may leave out, and its fields."""
        branches: list[JsonSchemaValue] = [{"enum": list(self.kinds), "type": "string"}]
        for name, kind in self.kinds.items():
            branch = handler.resolve_ref_schema(handler(kind.config.__pydantic_core_schema__))
            properties = {key: dict(value) for key, value in branch.get("properties", {}).items()}
            properties["name"] = {"const": name, "type": "string"}
            default = name == getattr(self.default, "name", None)
            if default:
                for key, value in self.default.model_dump(mode="json").items():
                    properties[key]["default"] = value
            branches.append(branch | {"properties": properties} | ({} if default else {"required": ["name"]}))
        return {"anyOf": branches}


def _dump(value: BaseModel, info: SerializationInfo) -> dict[str, Any]:
    """The settings with their name, also where only what was set is asked for: it says whose they are."""
    table = value.model_dump(mode=info.mode, exclude_unset=info.exclude_unset)
    return table | ({"name": value.name} if hasattr(value, "name") else {})


def _known(name: Any, kinds: Mapping[str, object]) -> str:
    if not isinstance(name, str) or name not in kinds:
        listed = ", ".join(f"'{one}'" for one in kinds)
        raise PydanticCustomError("literal_error", "one of {expected}", {"expected": listed})
    return name
