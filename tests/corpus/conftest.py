"""Small Korean files as users have them, and a shorthand to build a corpus from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from malmoi.corpus.book import RowBook
from malmoi.corpus.documents import DOC, row_documents
from malmoi.readers import READERS
from tests.tiny.corpus import build as build_from

NEWS = """서울시가 올해 안에 시내버스 정류장 백 곳에 온열 의자를 놓는다. 예산은 모두 12억 원이다.
시는 노약자가 많은 곳부터 설치하기로 했다.

부산에서는 어제 첫눈이 내렸다. 기상청은 "평년보다 열흘 늦다"고 설명했다. 출근길 도로가 얼어 사고가 잇따랐다.

한국은행이 기준금리를 연 3.5%로 동결했다. 시장의 예상과 같은 결정이다."""


@pytest.fixture
def news(tmp_path: Path) -> Path:
    path = tmp_path / "news.txt"
    path.write_text(NEWS, "utf-8")
    return path


Build = Callable[..., tuple[list[list[str]], Path]]


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """`build(path, …config)` → (documents as lists of sentences, training first; the artifact's folder)."""

    def run(*inputs: Path, out: str = "corpus", **config: Any) -> tuple[list[list[str]], Path]:
        return build_from(tmp_path / out, *inputs, **config), tmp_path / out

    return run


def rows(
    text: str, kind: str, column: str | None = None, *, record: dict[str, Any] | None = None
) -> list[str]:
    """The documents of a table; bad rows raise, or are skipped where `record` is to book them."""
    book = RowBook(f"a.{kind}", {} if record is None else record, skip=record is not None)
    return DOC.join(row_documents([text], book.path, READERS[kind], column, book)).split(DOC)
