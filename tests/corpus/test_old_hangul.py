"""What a build does to Hangul that Unicode can write in several ways, and what it tells of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from malmoi.hangul import spelling
from tests.corpus.conftest import Build

LINES = [
    "나랏말\u110a\u119e미 듕귁에 달아 서르 사맛디 아니할쎄",
    "\u1112\u119e\u11ab 사람이 \u110f\u110f\u110f 웃으며 지나갔다.",
    "\uffbe\uffc2늘이 높고 구름이 없는 날이었다.",
    "눈을\u3164감고\u3164한참을 그대로 서 있었다.",
]


def test_old_letters_stay_and_others_get_one_spelling(tmp_path: Path, build: Build) -> None:
    (tmp_path / "a.txt").write_text("\n".join(LINES), "utf-8")
    documents, folder = build(tmp_path / "a.txt")
    assert documents == [
        [
            "나랏말\u110a\u119e미 듕귁에 달아 서르 사맛디 아니할쎄",
            "\u1112\u119e\u11ab 사람이 ㅋㅋㅋ 웃으며 지나갔다.",
            "하늘이 높고 구름이 없는 날이었다.",
            "눈을 감고 한참을 그대로 서 있었다.",
        ]
    ]
    changed = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["clean"]["changed"]
    assert changed["hangul_spelling"]["count"] == 6  # three ᄏ, one 하, two fillers
    sample = changed["hangul_spelling"]["samples"][0]
    assert "\u110f\u110f\u110f 웃으며" in sample["before"] and "ㅋㅋㅋ 웃으며" in sample["after"]


def test_every_change_of_characters_has_a_sample(tmp_path: Path, build: Build) -> None:
    (tmp_path / "a.txt").write_text("우리\u200b는 모두 웃었다ㅋㅋㅋㅋㅋ 그리고 돌아왔다.", "utf-8")
    _, folder = build(tmp_path / "a.txt")
    changed = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["clean"]["changed"]
    assert changed == {
        "repeated_characters": {
            "count": 2,
            "samples": [
                {
                    "before": "우리\u200b는 모두 웃었다ㅋㅋㅋㅋㅋ 그리고 돌아왔다.",
                    "after": "우리는 모두 웃었다ㅋㅋㅋ 그리고 돌아왔다.",
                }
            ],
        },
        "invisible_characters": {
            "count": 1,
            "samples": [
                {
                    "before": "우리\u200b는 모두 웃었다ㅋㅋㅋㅋㅋ 그리고 돌아왔다.",
                    "after": "우리는 모두 웃었다ㅋㅋㅋㅋㅋ 그리고 돌아왔다.",
                }
            ],
        },
    }


def test_codes_of_hanyangs_fonts_are_kept_and_said(
    tmp_path: Path, build: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spelling, "_hanyang", dict)
    (tmp_path / "a.txt").write_text("나랏말\uebd4미 듕귁에 달아 사맛디 아니할쎄\n\n" * 12, "utf-8")
    with pytest.warns(UserWarning, match="MM0132 kept 12 "):
        documents, folder = build(tmp_path / "a.txt")
    assert documents == [["나랏말\uebd4미 듕귁에 달아 사맛디 아니할쎄"]]
    clean = json.loads((folder / "audit.json").read_text("utf-8"))["stages"]["clean"]
    assert clean["private"] == 12 and not clean["changed"]
