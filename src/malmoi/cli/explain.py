"""`malmoi explain [CODE]`: the page of an error or warning, by its code or name, or the list of all."""

from __future__ import annotations

import string
from typing import Annotated

import typer

from malmoi import messages
from malmoi.cli.console import console
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    app.command("explain", help=text("cli.explain.help"))(explain)


def explain(
    code: Annotated[str, typer.Argument(help=text("cli.explain.code"), show_default=False)] = "",
) -> None:
    if not code:
        columns = [text(f"cli.explain.{column}") for column in ("code_column", "name", "what")]
        rows = [(known, known.name, _page(known)["what"]) for known in sorted(Code)]
        console().table("cli.explain.title", columns, rows)
        console().result({"codes": {known: known.name for known in sorted(Code)}}, " ".join(sorted(Code)))
        return
    word = code.upper().replace("-", "_")
    found = Code.__members__.get(word) or next((known for known in Code if known == word), None)
    if found is None:
        raise MalmoiError(Code.UNKNOWN_CODE, code=code)
    page = _page(found)
    console().result({"code": found, "name": found.name, **page}, f"{found} {page['what']}")
    console().show(f"{found} {found.name}", style="bold")
    for part, sentence in page.items():
        console().show(f"  {text(f'cli.explain.{part}')}: {sentence}")


def _page(code: Code) -> dict[str, str]:
    entry = messages.catalog()[code][messages.language()]
    return {part: _plain(entry[part]) for part in ("what", "why", "do", "more")}


def _plain(template: str) -> str:
    """The sentence with `<name>` for each value, without format specs."""
    parts = []
    for literal, field, _, _ in string.Formatter().parse(template):
        parts.append(literal + (f"<{field}>" if field else ""))
    return "".join(parts)
