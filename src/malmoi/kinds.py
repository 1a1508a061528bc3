"""Fields of a recipe that name a kind: an entry of a package's dict, whatever stands in it when a recipe is
read. A new kind is one more entry; the field, its errors, the reference and the schema follow."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from pydantic import BaseModel, GetCoreSchemaHandler, GetJsonSchemaHandler, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

SETTINGS_FAULT = "settings"  # the type of an error whose context holds the first one inside a kind's settings


class WithSettings(Protocol):
    """A kind that has settings of its own."""

    @property
    def config(self) -> type[BaseModel]: ...


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
    table whose `name` says of which.

    Without `name` they are of `default`'s kind, and then what the table leaves out is as in `default`.
    """

    def __init__(self, kinds: Mapping[str, WithSettings], default: BaseModel) -> None:
        self.kinds = kinds
        self.default = default

    def model(self, table: Any = None) -> type[BaseModel]:
        """The class of the settings in a table, the default's where the table names no known kind."""
        name = table.get("name") if isinstance(table, dict) else None
        known = isinstance(name, str) and name in self.kinds
        return self.kinds[name].config if known else type(self.default)  # type: ignore[index]

    def read(self, value: Any) -> Any:
        if isinstance(value, BaseModel):
            return value
        if not isinstance(value, dict):
            raise PydanticCustomError("dict_type", "a table is needed")
        try:
            _known(value.get("name", getattr(self.default, "name", None)), self.kinds)
        except PydanticCustomError as error:
            fault = {"type": error.type, "loc": ("name",), "input": value["name"], "ctx": error.context}
            raise PydanticCustomError(SETTINGS_FAULT, "{fault}", {"fault": fault}) from None
        model = self.model(value)
        left_out = self.default.model_dump() if model is type(self.default) else {}
        try:
            return model.model_validate(left_out | value)
        except ValidationError as error:
            raise PydanticCustomError(SETTINGS_FAULT, "{fault}", {"fault": error.errors()[0]}) from None

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return core_schema.no_info_plain_validator_function(
            self.read,
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value, info: value.model_dump(mode=info.mode, exclude_unset=info.exclude_unset),
                info_arg=True,
            ),
        )

    def __get_pydantic_json_schema__(
        self, core: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        return {"anyOf": [kind.config.model_json_schema() for kind in self.kinds.values()]}


def _known(name: Any, kinds: Mapping[str, object]) -> str:
    if not isinstance(name, str) or name not in kinds:
        listed = ", ".join(f"'{one}'" for one in kinds)
        raise PydanticCustomError("literal_error", "one of {expected}", {"expected": listed})
    return name
