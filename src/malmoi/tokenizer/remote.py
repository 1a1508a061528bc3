"""What a morpheme tokenizer's folder needs to open in `transformers`: one Python module, and a config that
names it.

The module is malmoi's own source, the few modules an analyzer and the rewriting need joined into one file:
a second implementation would drift from the first, and ids with it.
"""

from __future__ import annotations

import ast
from importlib.util import find_spec
from pathlib import Path

from malmoi.artifact import write_bytes, write_json

MODULE = "tokenization_malmoi"
CLASS = "MalmoiMorphemeTokenizer"
_HEAD = '''"""A morpheme tokenizer for Hugging Face transformers, written by malmoi from its own source.

    AutoTokenizer.from_pretrained(FOLDER, trust_remote_code=True)

It reads the files beside it and runs the analyzer; it opens no connection and writes nothing by itself.
"""

from __future__ import annotations


class MalmoiError(ValueError):
    """What is wrong, by its code and values; `malmoi explain CODE` says it in words."""

    def __init__(self, code, /, where=None, **values):
        told = " ".join(f"{name}={value}" for name, value in values.items())
        super().__init__(" ".join(str(part) for part in (code, where, told) if part))
'''
# Not joined in, as `_HEAD` stands for it.
_STAND_IN = "malmoi.errors"


def write_remote(folder: Path, analyzer: str, specials: dict[str, str]) -> None:
    """Write the module for this analyzer and tokenizer_config.json."""
    write_bytes(folder / f"{MODULE}.py", join_modules(analyzer).encode())
    settings = {
        # AutoTokenizer takes the second where there is one; there is no fast one.
        "auto_map": {"AutoTokenizer": [f"{MODULE}.{CLASS}", None]},
        "tokenizer_class": CLASS,
        "do_lower_case": False,
        "strip_accents": False,
        "model_max_length": 512,
        **specials,
    }
    write_json(folder / "tokenizer_config.json", settings)


def join_modules(analyzer: str) -> str:
    """The source of one self-contained module."""
    from malmoi.tokenizer.analyzers import ANALYZERS

    module, function = ANALYZERS[analyzer]
    chooser = "malmoi.tokenizer.analyzers"
    seen = {_STAND_IN, chooser}
    parts = _join(f"{chooser}.{module}", seen)
    parts.append(f"\n\ndef open_analyzer(name, words):\n    return {function}(words)\n")
    parts += _join(f"malmoi.tokenizer.{MODULE}", seen)
    return _HEAD + "".join(parts)


def _join(name: str, seen: set[str]) -> list[str]:
    """Sources of a module and, before it, of those it imports; each once, without their imports of malmoi."""
    if name in seen:
        return []
    seen.add(name)
    spec = find_spec(name)
    assert spec is not None and spec.origin is not None
    source = Path(spec.origin).read_text("utf-8")
    lines = source.split("\n")
    before: list[str] = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.ImportFrom) or (node.module or "").split(".")[0] not in (
            "malmoi",
            "__future__",
        ):
            continue
        if node.module != "__future__":
            before += _join(str(node.module), seen)
        # Within a function an import may be all there is.
        lines[node.lineno - 1] = " " * node.col_offset + "pass" if node.col_offset else ""
        for number in range(node.lineno, node.end_lineno or node.lineno):
            lines[number] = ""
    return [*before, f"\n\n# {name}\n", "\n".join(lines)]
