"""Every sentence malmoi says, in Korean and English, from one catalog: the TOML files in this folder.

An entry is `[key]` with `ko` and `en`. An error's key is its code (`MM0101`; its name is in `codes.py`) and
its `ko` and `en` hold `what`, `why`, `do` and `more` (the page that `malmoi explain` shows). Values are put
in with `str.format`; `{name:을/를}` puts the value and the particle its last syllable asks for, `{path!q}`
the value as a word of a command that can be copied.
"""

from __future__ import annotations

import os
import re
import string
import tomllib
from functools import cache
from importlib import resources
from pathlib import PurePath
from typing import Any

from malmoi.paths import readable, shell_word

LANGUAGES = ("ko", "en")
_chosen: str | None = None


def set_language(language: str | None) -> None:
    """Choose `ko` or `en` for this process and the workers it starts; None goes back to the locale."""
    global _chosen
    _chosen = language
    if language is None:
        os.environ.pop("MALMOI_LANG", None)
    else:
        os.environ["MALMOI_LANG"] = language


def language() -> str:
    """The chosen language; else MALMOI_LANG; else Korean where the locale is Korean; else English."""
    if _chosen:
        return _chosen
    locale = next(
        (os.environ[k] for k in ("MALMOI_LANG", "LC_ALL", "LC_MESSAGES", "LANG") if os.environ.get(k)), ""
    )
    return "ko" if locale.lower().startswith("ko") else "en"


@cache
def catalog() -> dict[str, dict[str, Any]]:
    """All entries by key. A key that two files define is a mistake of ours, so it raises at once."""
    entries: dict[str, dict[str, Any]] = {}
    for file in sorted(resources.files(__package__).iterdir(), key=lambda f: f.name):
        if not file.name.endswith(".toml"):
            continue
        for key, entry in _flatten(tomllib.loads(file.read_text("utf-8"))).items():
            if key in entries:
                raise KeyError(f"{file.name}: {key} is defined twice")
            entries[key] = entry
    return entries


def _flatten(table: dict[str, Any], prefix: str = "") -> dict[str, dict[str, Any]]:
    if "ko" in table or "en" in table:
        return {prefix: table}
    flat: dict[str, dict[str, Any]] = {}
    for name, inner in table.items():
        flat |= _flatten(inner, f"{prefix}.{name}" if prefix else name)
    return flat


def text(key: str, **values: Any) -> str:
    """The sentence for `key` in the current language, with `values` filled in."""
    return render(catalog()[key][language()], **values)


def words(prefix: str, name: str) -> str:
    """The catalog's words for a name; where whoever brought the name brought none, the name itself."""
    key = f"{prefix}.{name}"
    return text(key) if key in catalog() else name.replace("_", " ")


def render(template: str, **values: Any) -> str:
    return _Formatter().vformat(template, (), values)


class _Formatter(string.Formatter):
    """`str.format` plus Korean particles, `{path:을/를}` (the form after a final consonant first), and words
    of a command to copy, `{path!q}` (quoted for the shell where need be)."""

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        if conversion == "q":
            return shell_word(str(value))
        return super().convert_field(value, conversion)

    def format_field(self, value: Any, format_spec: str) -> Any:
        if isinstance(value, str | PurePath | Exception):
            value = readable(str(value))
        after_consonant, slash, after_vowel = format_spec.partition("/")
        if not slash:
            return super().format_field(value, format_spec)
        shown = str(value)
        return shown + (after_consonant if _ends_in_consonant(shown, after_consonant) else after_vowel)


# Digits are read 영 일 이 삼 사 오 육 칠 팔 구.
_DIGIT_FINALS = {"0": "ㅇ", "1": "ㄹ", "3": "ㅁ", "6": "ㄱ", "7": "ㄹ", "8": "ㄹ"}


def _is_closed(word: str) -> bool:
    """Whether a Latin word, as it is read in Korean, ends in a consonant: 아웃, 스텝 do, 텍스트, 시드, 태그,
    토크나이저 do not. Of single letters 엘, 엠, 엔 and 알 do."""
    if len(word) == 1:
        return word in ("l", "m", "n", "r")
    before, last = word[-2:-1], word[-1:]
    if last in ("l", "m", "n"):
        return True
    if last == "g":
        return before == "n"
    return last in tuple("bckpqt") and before in tuple("aeiouy")


def _ends_in_consonant(shown: str, particle: str) -> bool:
    word = (re.findall(r"[a-z]+|\w", shown.lower()) or [""])[-1]
    last = word[-1:]
    if "가" <= last <= "힣":
        final: bool | int = (ord(last) - ord("가")) % 28
        rieul = final == 8
    else:
        final = _is_closed(word) or last in _DIGIT_FINALS
        rieul = last == "l" or word == "r" or _DIGIT_FINALS.get(last) == "ㄹ"
    # 으로 is the one particle that treats a final ㄹ as a vowel.
    return bool(final) and not (rieul and particle == "으로")
