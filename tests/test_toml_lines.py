"""The line of every key of a TOML file, however it is written."""

from __future__ import annotations

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.toml_lines import key_lines

ODD = '''# first = 0
plain = "second = 2 # ]"  # } third = 3
dotted . "with space" = [1, { inside = 2 }, "]"]

[ one . 'two' ]
long = """
plain = 5
quoted = \\"""
"""""
wide = [
  { x = 1, y = [2] },  # },
  3.5,
]
inline = { a = { b = [{ c = 1 }], "d e".f = 3 }, empty = {} }
raw = \'\'\'it's
last = 1\'\'\'
[empty]
[[many]]
n = 1
[[many]]
n = 2
[runs]
plain-0.pretrain.seed = 0
day = 1979-05-27T07:32:00Z
end = 5e-4'''


def dotted(table: dict[str, Any], prefix: str = "") -> list[str]:
    """The keys of all values and of empty tables."""
    keys = []
    for name, value in table.items():
        keys += dotted(value, f"{prefix}{name}.") if isinstance(value, dict) and value else [prefix + name]
    return keys


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_each_key_is_on_the_line_that_sets_it(newline: str) -> None:
    lines = key_lines(ODD.replace("\n", newline))
    told = {key: ODD.splitlines()[line - 1] for key, line in lines.items()}
    for key, begins in {
        "plain": "plain = ",
        "dotted.with space": "dotted . ",
        "one.two": "[ one",
        "one.two.long": "long = ",
        "one.two.wide": "wide = ",
        "one.two.inline": "inline = ",
        "one.two.inline.a.b": "inline = ",
        "one.two.inline.a.d e.f": "inline = ",
        "one.two.inline.empty": "inline = ",
        "one.two.raw": "raw = ",
        "empty": "[empty]",
        "many": "[[many]]",
        "runs.plain-0.pretrain.seed": "plain-0.",
        "runs.day": "day = ",
        "runs.end": "end = ",
    }.items():
        assert told.pop(key).startswith(begins), key
    assert set(told) == {"one.two.inline.a", "many.n", "runs"}
    assert lines["many.n"] == 19, "the first of several"


def literals() -> st.SearchStrategy[str]:
    """Values as TOML writes them, with all that could be taken for something else inside strings."""
    letters = st.text("ab =[]{}#,.\n\"'\\", max_size=8)
    escaped = letters.map(lambda s: s.replace("\\", "\\\\").replace('"', '\\"'))
    basic = escaped.map(lambda s: '"' + s.replace("\n", "\\n") + '"')
    long = escaped.map(lambda s: f'"""\n{s}"""')
    raw = letters.map(lambda s: "'" + s.replace("'", "").replace("\n", "") + "'")
    single = st.one_of(basic, raw, st.sampled_from(["1", "-0.5", "true", "5e-4", "1979-05-27 07:32:00"]))
    return st.recursive(
        st.one_of(single, long),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3).map(lambda v: "[" + ",\n ".join(v) + "]"),
            st.lists(single, max_size=3).map(
                lambda v: "{" + ", ".join(f"k{i}.x = {x}" for i, x in enumerate(v)) + "}"
            ),
        ),
        max_leaves=5,
    )


@given(st.lists(st.tuples(literals(), st.sampled_from(["", "# c = {[\n", "\n"])), max_size=6))
def test_every_key_has_its_own_line_whatever_the_values(values: list[tuple[str, str]]) -> None:
    source, expected = "", {}
    for number, (value, after) in enumerate(values):
        header = f"[t{number}]\n" if number % 2 else ""
        table = f"t{number // 2 * 2 - 1 if number % 2 == 0 else number}." if number else ""
        expected[f"{table}v{number}"] = source.count("\n") + header.count("\n") + 1
        source += f"{header}v{number} = {value} {after}\n"
    lines = key_lines(source)
    assert expected.items() <= lines.items()
    assert set(dotted(tomllib.loads(source))) <= set(lines)
