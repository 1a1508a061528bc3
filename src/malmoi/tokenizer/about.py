"""`malmoi.json`, what a tokenizer's folder says of itself, and the JSON settings beside it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from malmoi.errors import MalmoiError

ABOUT = "malmoi.json"
MADE_WITH = ("kind", "analyzer", "form", "inside")


def read_settings(file: Path) -> dict[str, Any]:
    """A JSON object; empty where there is no such file or it holds something else. MM0203: not JSON."""
    if not file.exists():
        return {}
    try:
        settings = json.loads(file.read_text("utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise MalmoiError("MM0203", file, found="≠ JSON") from None
    return settings if isinstance(settings, dict) else {}


def made_with(folder: Path) -> dict[str, Any]:
    """The recipe and the analyzer of a tokenizer's folder, for the manifests of what it is used for."""
    about = read_settings(folder / ABOUT)
    return {name: about[name] for name in MADE_WITH if name in about}
