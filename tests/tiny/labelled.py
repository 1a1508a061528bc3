"""Labelled files: tables of any columns, and reviews of films whose label is in their words."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tests.tiny.texts import LINES

CPU: dict[str, Any] = {"threads": 1, "device": "cpu", "precision": "fp32"}
"""Fine-tuning that gives the same bits everywhere."""
QUICK: dict[str, Any] = {"epochs": 1, "evals": 1, **CPU}

GOOD = ["정말 재미있다", "최고의 영화", "감동이 있다", "다시 보고 싶다"]
BAD = ["정말 지루하다", "최악의 영화", "시간이 아깝다", "다시는 안 본다"]
WHO = ["나는", "친구는", "누나가", "우리는", "배우가", "감독이", "이 작품", "그 장면"]
HOW = ["솔직히", "역시", "생각보다", "그래도", "아주"]


def write_table(path: Path, columns: str, rows: Iterable[Iterable[object]]) -> Path:
    """A csv, or a file with tabs where its name does not end so; columns as `글,라벨`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        mark = "," if path.suffix == ".csv" else "\t"
        csv.writer(stream, delimiter=mark, lineterminator="\n").writerows([columns.split(","), *rows])
    return path


def write_moods(path: Path, columns: str = "text,label") -> Path:
    """Sixty of our sentences, two thirds of them glad."""
    rows = ([line, "기쁨" if i % 3 else "슬픔"] for i, line in enumerate(LINES[:60]))
    return write_table(path, columns, rows)


def reviews(count: int, start: int = 0) -> str:
    """A csv of `count` reviews, half of them good."""
    lines = ["문장,감정"]
    for i in range(start, start + count):
        words = GOOD if i % 2 else BAD
        label = "좋음" if i % 2 else "나쁨"
        text = f"{WHO[i // 2 % len(WHO)]} {HOW[i // 16 % len(HOW)]} {words[i // 4 % len(words)]} {i}"
        lines.append(f"{text},{label}")
    return "\n".join(lines) + "\n"


SYLLABLES = reviews(200) + "질문하나둘같음다름예아니"
"""What a vocabulary must have to read reviews and the questions of other tests."""
