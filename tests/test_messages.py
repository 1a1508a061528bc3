"""The catalog is complete in both languages, and no code, key or value is missing or left over."""

from __future__ import annotations

import re
import shlex
import string
from pathlib import Path

import pytest

import malmoi
from malmoi import messages
from malmoi.codes import Code
from malmoi.errors import MalmoiError

SOURCE = Path(malmoi.__file__).parent
CODE = re.compile(r"MM\d{4}")
PARTS = {"what", "why", "do", "more"}


def _values(template: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def _source() -> str:
    files = [path for path in sorted(SOURCE.rglob("*.py")) if path.name != "codes.py"]
    return "\n".join(path.read_text("utf-8") for path in files)


def test_every_entry_has_both_languages_with_the_same_values() -> None:
    for key, entry in messages.catalog().items():
        assert set(entry) == {"ko", "en"}, key
        if CODE.fullmatch(key):
            assert set(entry["ko"]) == PARTS and set(entry["en"]) == PARTS, key
            for part in PARTS:
                assert entry["ko"][part] and entry["en"][part], (key, part)
            ko = set().union(*(_values(v) for v in entry["ko"].values()))
            en = set().union(*(_values(v) for v in entry["en"].values()))
        else:
            assert isinstance(entry["ko"], str) and isinstance(entry["en"], str), key
            ko, en = _values(entry["ko"]), _values(entry["en"])
        assert ko == en, (key, ko ^ en)
        assert entry["ko"] == entry["en"] or re.search("[가-힣]", str(entry["ko"])), key


def test_every_code_has_a_name_and_a_page_and_is_raised_somewhere() -> None:
    pages = {key for key in messages.catalog() if CODE.fullmatch(key)}
    assert set(Code) == pages
    used = {Code[name].value for name in re.findall(r"\bCode\.([A-Z0-9_]+)\b", _source())}
    assert pages - used == set(), "pages that nothing raises"
    assert re.findall(r'"MM\d{4}"', _source()) == [], "a code by its number: use its name"


def test_names_of_codes_are_short_and_plain() -> None:
    for code in Code:
        assert re.fullmatch(r"[A-Z]+[A-Z0-9]*(_[A-Z0-9]+)*", code.name), code
        assert len(code.name) <= 28, code.name


def test_every_text_key_in_the_source_is_in_the_catalog() -> None:
    keys = set(re.findall(r'\b(?:text|say|step|table|print)\(\s*f?"([a-z]+(?:\.[\w-]+)+)"', _source()))
    assert len(keys) > 20
    assert keys - set(messages.catalog()) == set()


@pytest.mark.parametrize(
    ("template", "value", "expected"),
    [
        ("{x:을/를} 읽습니다", "말뭉치", "말뭉치를 읽습니다"),
        ("{x:을/를} 읽습니다", "샤드들", "샤드들을 읽습니다"),
        ("{x:이/가} 없습니다", "part-3", "part-3이 없습니다"),
        ("{x:이/가} 없습니다", "part-2", "part-2가 없습니다"),
        ("{x:으로/로} 갑니다", "서울", "서울로 갑니다"),
        ("{x:으로/로} 갑니다", "부산", "부산으로 갑니다"),
        ("{x:은/는} 큽니다", "model", "model은 큽니다"),
        ("{x:이/가} 빠졌습니다", "CHECKPOINT", "CHECKPOINT가 빠졌습니다"),
        ("{x:이/가} 빠졌습니다", "--out", "--out이 빠졌습니다"),
        ("{x:은/는} 없습니다", "--seed", "--seed는 없습니다"),
        ("{x:을/를} 엽니다", "tokenizer", "tokenizer를 엽니다"),
        ("{x:을/를} 셉니다", "step", "step을 셉니다"),
        ("{x:을/를} 셉니다", "task", "task를 셉니다"),
        ("{x:이/가} 큽니다", "rating", "rating이 큽니다"),
        ("{x:으로/로} 갑니다", "model", "model로 갑니다"),
        ("{x:이/가} 하나", "N", "N이 하나"),
        ("{x:이/가} 하나", "'B'", "'B'가 하나"),
        ("{x:,}개", 12345, "12,345개"),
    ],
)
def test_particles_follow_the_last_syllable(template: str, value: object, expected: str) -> None:
    assert messages.render(template, x=value) == expected


def test_language_follows_the_locale_unless_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    messages.set_language(None)
    for name in ("LC_ALL", "LC_MESSAGES", "MALMOI_LANG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("LANG", "ko_KR.UTF-8")
    assert messages.language() == "ko"
    monkeypatch.setenv("LANG", "C.UTF-8")
    assert messages.language() == "en"
    messages.set_language("ko")
    assert "TOML" in MalmoiError("MM0002", detail="x").what


def test_error_is_one_line_each_and_survives_pickling() -> None:
    import pickle

    error = MalmoiError(
        "MM0003",
        "a.toml:3",
        key="pretrain.setps",
        hint=" Did you mean 'pretrain.steps'?",
        near="pretrain.steps",
    )
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == str(error)
    assert str(error).splitlines()[0] == (
        "MM0003 a.toml:3: there is no setting 'pretrain.setps'. Did you mean 'pretrain.steps'?"
    )
    assert len(str(error).splitlines()) == 3


COMMAND = re.compile(r"malmoi [a-z]|--[a-z]|\b(ls|mv|sed) ")
# Numbers, options, and words that are joined to a command where they are made.
READY = {"number", "shell", "sets", "command"}


def test_values_in_commands_are_quoted_for_the_shell() -> None:
    checked = 0
    for key, entry in messages.catalog().items():
        for language in messages.LANGUAGES:
            said = entry[language]
            template = said["do"] if isinstance(said, dict) else said
            found = COMMAND.search(template)
            if found is None or key == "report.written":
                continue
            for _, name, _, conversion in string.Formatter().parse(template[found.start() :]):
                assert not name or name in READY or conversion == "q", (key, language, name)
                checked += bool(name)
    assert checked > 60


def test_a_command_holds_a_path_as_one_word() -> None:
    path = "할머니's $새 글"
    do = MalmoiError("MM0315", rows=4, row=9, last=3, shards=path, run=path, step=1).do
    words = shlex.split(do.partition(": ")[2])
    assert words == ["malmoi", "shards", "show", path, "3", "--run", path, "--step", "1"]
