"""What a morpheme tokenizer's folder needs to open in `transformers`: one Python module, and a config that
names it.

The module is malmoi's own source: the definitions that the tokenizer needs, those that these need, and so on,
joined into one file. A second implementation would drift from the first, and ids with it.
"""

from __future__ import annotations

import ast
import re
import sys
from importlib.util import find_spec
from pathlib import Path

from malmoi.analyzers import ANALYZERS
from malmoi.artifact.disk import write_bytes, write_json
from malmoi.codes import Code

MODULE = "tokenization_malmoi"
CLASS = "MalmoiMorphemeTokenizer"
_HEAD = '''"""A morpheme tokenizer for Hugging Face transformers, written by malmoi from its own source.

    AutoTokenizer.from_pretrained(FOLDER, trust_remote_code=True)

It reads the files beside it and runs the analyzer; it opens no connection and writes nothing by itself.
"""

from __future__ import annotations

'''
# What stands for `malmoi.errors`, whose sentences need malmoi's catalog.
_ERRORS = '''
class MalmoiError(ValueError):
    """What is wrong, by its code and values; `malmoi explain CODE` says it in words."""

    def __init__(self, code, /, where=None, **values):
        told = " ".join(f"{name}={value}" for name, value in values.items())
        super().__init__(" ".join(str(part) for part in (code, where, told) if part))
'''
# Here there is one analyzer to choose from.
_CHOICE = """

def open_analyzer(name, user_dictionary=None):
    return {made}(UserWords(user_dictionary))
"""
_CHOOSER = "malmoi.analyzers"


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
    """The source of one self-contained module for the named analyzer."""
    kind = ANALYZERS[analyzer]
    module, _, made = kind.opens.partition(":")
    joined = _Joined()
    joined.take(module, made)
    joined.take(f"{_CHOOSER}.user_dictionary", "UserWords")
    joined.parts.append(_CHOICE.format(made=made))
    joined.take(f"malmoi.tokenizer.morpheme.{MODULE}", CLASS)
    return joined.source(kind.packages)


class _Joined:
    """Definitions in an order in which they may stand in one file, each once, and the imports they need."""

    def __init__(self) -> None:
        self.parts: list[str] = []
        self._imports: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        self._modules: dict[str, _Module] = {}

    def take(self, module: str, name: str) -> None:
        """Take a definition, and before it those it uses."""
        if self._owners.get(name) == module:
            return
        if module == "malmoi.errors":
            self._owners[name] = module
            self.parts.append(_ERRORS)
            return
        if module == "malmoi.codes":
            return
        if module not in self._modules:
            self._modules[module] = _Module(module)
        source = self._modules[module]
        if name not in source.definitions:  # a package hands on what its modules define
            inner, defined, _ = source.imports[name]
            self.take(inner, defined)
            return
        node = source.definitions[name]
        for defined in _names(node):
            # One file has one of each name.
            assert defined not in self._owners, f"{defined}: {module}, {self._owners[defined]}"
            self._owners[defined] = module
        for used in sorted({each.id for each in ast.walk(node) if isinstance(each, ast.Name)}):
            if used in source.definitions:
                self.take(module, used)
            elif used in source.imports:
                self._import(used, *source.imports[used])
        self.parts.append(source.text(node))

    def source(self, packages: str) -> str:
        """The file; where the analyzer's library is missing it says what installs it."""
        known = ("numpy", "tokenizers", "transformers")
        lines: dict[bool, set[str]] = {True: set(), False: set()}
        for line in self._imports.values():
            top = line.split()[1].partition(".")[0]
            lines[top in known or top in sys.stdlib_module_names].add(line)
        missing = f'    raise ImportError("pip install {packages}") from error'
        guarded = [
            "try:",
            *(f"    {line}" for line in sorted(lines[False])),
            "except ImportError as error:",
            missing,
        ]
        guarded = guarded if lines[False] else []  # an analyzer may do without a library
        written = "\n".join([_HEAD, *sorted(lines[True]), "", *guarded, *self.parts])
        # Of the table of codes the file has those it raises, as they are.
        return re.sub(r"\bCode\.([A-Z0-9_]+)", lambda named: f'"{Code[named[1]]}"', written)

    def _import(self, used: str, module: str, name: str, line: str) -> None:
        if (module, name) == (_CHOOSER, "open_analyzer"):
            return
        if module.startswith("malmoi."):
            assert used == name, f"{module}: {name} as {used}"
            self.take(module, name)
        else:
            assert self._imports.setdefault(used, line) == line, f"{used}: {line}, {self._imports[used]}"


class _Module:
    """A module's source: what it defines and imports, by name."""

    def __init__(self, name: str) -> None:
        spec = find_spec(name)
        assert spec is not None and spec.origin is not None
        source = Path(spec.origin).read_text("utf-8")
        self._lines = source.split("\n")
        self.definitions: dict[str, ast.stmt] = {}
        self.imports: dict[str, tuple[str, str, str]] = {}
        """Name → module, name there, and a line that imports it alone."""
        for node in ast.parse(source).body:
            for defined in _names(node):
                self.definitions[defined] = node
            if isinstance(node, ast.Import | ast.ImportFrom):
                for alias in node.names:
                    named = f"{alias.name} as {alias.asname}" if alias.asname else alias.name
                    module = node.module or "" if isinstance(node, ast.ImportFrom) else alias.name
                    start = f"from {module} import" if isinstance(node, ast.ImportFrom) else "import"
                    self.imports[alias.asname or alias.name] = (module, alias.name, f"{start} {named}")

    def text(self, node: ast.stmt) -> str:
        """A definition with its decorators and the comment above it."""
        decorators = getattr(node, "decorator_list", [])
        first = min([node.lineno, *(each.lineno for each in decorators)]) - 1
        while first and self._lines[first - 1].startswith("#"):
            first -= 1
        text = "\n".join(self._lines[first : node.end_lineno])
        return f"\n\n{text}\n" if isinstance(node, ast.FunctionDef | ast.ClassDef) else text


def _names(node: ast.stmt) -> list[str]:
    """The names a statement at the top of a module defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else []
    targets = [node.target] if isinstance(node, ast.AnnAssign) else targets
    return [each.id for target in targets for each in ast.walk(target) if isinstance(each, ast.Name)]
