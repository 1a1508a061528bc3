"""Which changes are planted: cosmic-ray makes them, a hash of what they are chooses the sample.

Left out is what no test could notice: annotations, which are never evaluated here, assertions, which tell
the type checker what it cannot know, and keywords that say how a thing is done but not what.
"""

from __future__ import annotations

import ast
import difflib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from hashlib import blake2b
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

SOURCE = Path(__file__).resolve().parents[2] / "src" / "malmoi"

# Changes that run and give another result; cosmic-ray's others (a shift of floats) mostly end in a TypeError.
_SWAPS = {
    "Binary": (
        ("Add", "Sub"),
        ("Sub", "Add"),
        ("Mul", "Div"),
        ("Div", "Mul"),
        ("FloorDiv", "Mul"),
        ("Mod", "Mul"),
        ("Pow", "Mul"),
        ("RShift", "LShift"),
        ("LShift", "RShift"),
        ("BitOr", "BitAnd"),
        ("BitAnd", "BitOr"),
        ("BitXor", "BitOr"),
    ),
    "Comparison": (
        ("Lt", "LtE"),
        ("LtE", "Lt"),
        ("Gt", "GtE"),
        ("GtE", "Gt"),
        ("Lt", "Gt"),
        ("Gt", "Lt"),
        ("LtE", "GtE"),
        ("GtE", "LtE"),
        ("Eq", "NotEq"),
        ("NotEq", "Eq"),
        ("Is", "IsNot"),
        ("IsNot", "Is"),
    ),
    "Unary": (("Delete", "USub"), ("Delete", "Not"), ("Delete", "Invert")),
}
OPERATORS = (
    *(f"Replace{kind}Operator_{a}_{b}" for kind, swaps in _SWAPS.items() for a, b in swaps),
    "NumberReplacer",
    "ReplaceTrueWithFalse",
    "ReplaceFalseWithTrue",
    "ReplaceAndWithOr",
    "ReplaceOrWithAnd",
    "ReplaceBreakWithContinue",
    "ReplaceContinueWithBreak",
    "AddNot",
    "ZeroIterationForLoop",
    "ExceptionReplacer",
)

# `zip(…, strict=True)` and `@dataclass(frozen=True, slots=True)` meet mistakes of programmers, not of data.
ONLY_HOW = frozenset(("strict", "frozen", "slots", "non_blocking", "fused"))

Place = tuple[int, int]  # line from 1, column in characters


@dataclass(frozen=True)
class Mutant:
    """One change of one module: the `occurrence`-th that `operator` can make."""

    module: str
    source: str
    operator: str
    occurrence: int
    rank: int
    """A hash of module, operator and line: the sample is the lowest ranks, and stays the same whatever is
    written elsewhere in the module."""

    @cached_property
    def mutated(self) -> str:
        changed: str = mutate_code(self.source, get_operator(f"core/{self.operator}")(), self.occurrence)
        return changed

    @cached_property
    def lines(self) -> tuple[str, str]:
        """The changed lines as they were and as they are, without indentation."""
        found: dict[str, list[str]] = {"-": [], "+": []}
        for line in difflib.ndiff(self.source.splitlines(), self.mutated.splitlines()):
            if line[0] in found:
                found[line[0]].append(line[2:].strip().replace("( ", "(").replace("[ ", "["))
        return "\n".join(found["-"]), "\n".join(found["+"])


def mutants(module: str, at_most: int | None) -> list[Mutant]:
    """The changes of a module in the order of their ranks, `at_most` of them (None: all)."""
    source = (SOURCE / f"{module}.py").read_text("utf-8")
    left_out = list(_left_out(source))
    lines = source.splitlines()
    tree = get_ast(source)
    nodes = list(ast_nodes(tree))
    found, seen = [], Counter[tuple[str, str]]()
    for name in OPERATORS:
        operator = get_operator(f"core/{name}")()
        positions = [(node, place) for node in nodes for place in operator.mutation_positions(node)]
        for occurrence, (node, (start, _)) in enumerate(positions):
            star = node.parent is not None and node.parent.type == "parameters"  # of a signature: no product
            if star or any(first <= start < last for first, last in left_out):
                continue
            line = lines[start[0] - 1].strip()
            seen[name, line] += 1
            told = "\0".join((module, name, line, str(seen[name, line])))
            rank = int.from_bytes(blake2b(told.encode(), digest_size=8).digest(), "big")
            found.append(Mutant(module, source, name, occurrence, rank))
    return sorted(found, key=lambda mutant: mutant.rank)[:at_most]


def _left_out(source: str) -> Iterator[tuple[Place, Place]]:
    """Where annotations, assertions and such keywords begin and end."""
    lines = source.splitlines()

    def place(line: int, column: int) -> Place:
        return line, len(lines[line - 1].encode()[:column].decode())

    for node in ast.walk(ast.parse(source)):
        parts: list[ast.AST | None] = []
        if isinstance(node, ast.Assert):
            parts = [node]
        elif isinstance(node, ast.arg | ast.AnnAssign):
            parts = [node.annotation]
        elif isinstance(node, ast.FunctionDef):
            parts = [node.returns]
        elif isinstance(node, ast.keyword) and node.arg in ONLY_HOW:
            parts = [node.value]
        for part in parts:
            if isinstance(part, ast.expr | ast.stmt):
                assert part.end_lineno is not None and part.end_col_offset is not None
                first, last = place(part.lineno, part.col_offset), place(part.end_lineno, part.end_col_offset)
                yield first, last
