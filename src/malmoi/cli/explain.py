"""`malmoi explain [CODE]`: the page of an error or warning, or the list of all."""

from __future__ import annotations

import string
from typing import Annotated

import typer

from malmoi import messages
from malmoi.cli.console import console
from malmoi.errors import MalmoiError
from malmoi.messages import text


def register(app: typer.Typer) -> None:
    app.command("explain", help=text("cli.explain.help"))(explain)


def explain(
    code: Annotated[str, typer.Argument(help=text("cli.explain.code"), show_default=False)] = "",
) -> None:
    codes = {key: entry for key, entry in messages.catalog().items() if isinstance(entry["ko"], dict)}
    language = messages.language()
    if not code:
        rows = [(key, _plain(entry[language]["what"])) for key, entry in sorted(codes.items())]
        console().table(
            "cli.explain.title", [text("cli.explain.code_column"), text("cli.explain.what")], rows
        )
        console().result({"codes": sorted(codes)}, " ".join(sorted(codes)))
        return
    entry = codes.get(code.upper())
    if entry is None:
        raise MalmoiError("MM0018", code=code)
    page: dict[str, str] = {part: _plain(entry[language][part]) for part in ("what", "why", "do", "more")}
    console().result({"code": code.upper(), **page}, f"{code.upper()} {page['what']}")
    console().show(code.upper(), style="bold")
    for part, sentence in page.items():
        console().show(f"  {text(f'cli.explain.{part}')}: {sentence}")


def _plain(template: str) -> str:
    """The sentence with `<name>` for each value, without format specs."""
    parts = []
    for literal, field, _, _ in string.Formatter().parse(template):
        parts.append(literal + (f"<{field}>" if field else ""))
    return "".join(parts)
