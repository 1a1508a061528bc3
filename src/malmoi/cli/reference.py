"""The reference of recipes, made from the config classes: `python -m malmoi.cli.reference` rewrites
docs/recipes.md and recipes/schema.json (for editors that complete TOML); a test keeps them up to date."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from malmoi.config import kinds_of, settings_class
from malmoi.pipeline.recipe import Recipe

INTRODUCTION = """# Recipes

A recipe is one TOML file for the whole pipeline; `malmoi run RECIPE.toml` runs it. Every verb also takes
`--recipe FILE` and uses the sections it needs. `--set section.name=value` changes one value for one run.
A key that does not exist is an error, which names the nearest one and the line.

Fields marked *execution* do not change the result: they may differ between runs and never make finished
work stale. All others enter the artifact's key. The filled-in recipe, and where each value came from, is
written into every artifact's `manifest.json`. Editors that read `#:schema schema.json` complete the names.
"""


def markdown() -> str:
    """docs/recipes.md."""
    sections = [INTRODUCTION, "## Top level\n\n" + _table(Recipe, sections=False)]
    for name, field in Recipe.model_fields.items():
        section = _section(field.annotation)
        if section is not None:
            sections.append(f"## [{name}]\n\n{_first_line(section)}\n\n{_table(section)}")
    return "\n".join(sections)


def schema() -> str:
    """recipes/schema.json."""
    return json.dumps(Recipe.model_json_schema(), ensure_ascii=False, indent=1) + "\n"


def _section(annotation: Any) -> type[BaseModel] | None:
    candidates = [annotation, *getattr(annotation, "__args__", ())]
    return next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), None)


def _first_line(section: type[BaseModel]) -> str:
    return " ".join((section.__doc__ or "").split("\n\n")[0].split())


def _table(model: type[BaseModel], *, sections: bool = True) -> str:
    return "\n".join(["| name | default | what |", "|---|---|---|", *_rows(model, sections=sections)]) + "\n"


def _rows(
    model: type[BaseModel], own: BaseModel | None = None, *, prefix: str = "", sections: bool = True
) -> list[str]:
    """A row for each field. Where one holds a kind's settings: a row for each of those, with the values of
    the kind that stands there by default (`own`), and for those that other kinds have besides."""
    rows: list[str] = []
    for name, field in model.model_fields.items():
        if (not sections and _section(field.annotation) is not None) or (own is not None and name == "name"):
            continue  # a kind's name is the value of the row before
        extra = field.json_schema_extra
        mark = " *(execution)*" if isinstance(extra, dict) and extra.get("execution") else ""
        value = field.default if own is None else getattr(own, name)
        settings = settings_class(field)
        if field.is_required() and own is None:
            default = "(required)"
        else:
            default = f"`{json.dumps(value.name if settings else value, ensure_ascii=False)}`"
        rows.append(f"| `{prefix}{name}` | {default} | {field.description}{mark} |")
        if settings is not None:
            rows += _rows(settings, value, prefix=f"{prefix}{name}.")
            for kind, other in kinds_of(field).items():
                if other is not settings:
                    rows += _of_kind(_rows(other, other(), prefix=f"{prefix}{name}."), kind, set(rows))
    return rows


def _of_kind(rows: list[str], kind: str, known: set[str]) -> list[str]:
    """The rows that are not known yet, with the kind they are of."""
    return [
        row.replace(" | ", f" | {kind}: ", 2).replace(f" | {kind}: ", " | ", 1)
        for row in rows
        if row not in known
    ]


if __name__ == "__main__":
    root = Path(__file__).resolve().parents[3]
    (root / "docs" / "recipes.md").write_text(markdown(), "utf-8")
    (root / "recipes" / "schema.json").write_text(schema(), "utf-8")
