"""Open a tokenizer of any kind: one of our folders, a model folder, or a peer's file.

Our folders say their kind in malmoi.json; a peer's is seen from its files. `OPENERS` has one function for
each kind, imported late: a kind needs its own library only.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from malmoi.errors import MalmoiError
from malmoi.progress import SILENT, Reporter
from malmoi.special import VOCABULARIES
from malmoi.tokenizer.about import ABOUT, read_settings
from malmoi.tokenizer.base import Tokenizer
from malmoi.tokenizer.engine import Choice

# kind → module of this package and function (path, reporter, engine) → Tokenizer.
OPENERS = {
    "wordpiece": ("load_wordpiece", "open_wordpiece"),
    "morpheme-wordpiece": ("load_wordpiece", "open_wordpiece"),
    "morpheme": ("load_morpheme", "open_morpheme"),
}


def load_tokenizer(path: Path, *, reporter: Reporter = SILENT, engine: Choice = "auto") -> Tokenizer:
    """Open a tokenizer from a folder or a file.

    Raises MM0201 (no such path), MM0202 (a folder without tokenizer), MM0203 (a file of no kind we know, or a
    setting that gives other ids), and those of the kind's own opener.
    """
    path = Path(path)
    if not path.exists():
        raise MalmoiError("MM0201", path)
    if path.is_dir() and not any((path / name).exists() for name in VOCABULARIES):
        raise MalmoiError("MM0202", path)
    kind = kind_of(path)
    if kind not in OPENERS:
        raise MalmoiError("MM0203", path, found=kind)
    module, function = OPENERS[kind]
    opener = getattr(import_module(f"malmoi.tokenizer.{module}"), function)
    tokenizer: Tokenizer = opener(path, reporter=reporter, engine=engine)
    return tokenizer


def kind_of(path: Path) -> str:
    """The kind that malmoi.json says (of a vocab.txt beside it too), else what the files look like."""
    folder = path if path.is_dir() else path.parent
    named = path.is_dir() or path.name == "vocab.txt"
    if named and (kind := read_settings(folder / ABOUT).get("kind")):
        return str(kind)
    return "wordpiece"
