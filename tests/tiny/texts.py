"""1,728 sentences of four parts each: enough for a model to learn that one part hangs on no other."""

from __future__ import annotations

from itertools import product
from pathlib import Path

WHO = ["할머니는", "동생은", "옆집 아저씨는", "선생님은", "우리 팀장은", "고양이는", "화가는", "어부는"]
WHEN = ["아침마다", "비가 오면", "주말에", "해가 지면", "가끔", "겨울에도"]
WHERE = ["부엌에서", "골목 끝에서", "강가에서", "도서관에서", "시장 안에서", "옥상에서"]
WHAT = ["라디오를 듣는다", "그림을 그린다", "빵을 굽는다", "편지를 쓴다", "노래를 부른다", "꽃에 물을 준다"]
LINES = [" ".join(parts) + "." for parts in product(WHO, WHEN, WHERE, WHAT)]
DOCUMENTS = ["\n".join(LINES[i :: len(LINES) // 6]) for i in range(len(LINES) // 6)]
"""Six sentences each."""


def write_raw(path: Path, *more: str) -> Path:
    """A text file of all of them, and of more documents."""
    path.write_text("\n\n".join([*DOCUMENTS, *more]), "utf-8")
    return path
