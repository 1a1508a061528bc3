"""Small Korean files as users have them, and a shorthand to build a corpus from them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from malmoi.context import Context
from malmoi.corpus.book import RowBook
from malmoi.corpus.build import build_corpus
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.documents import DOC, row_documents
from malmoi.corpus.read import heldout_parts, training_parts
from malmoi.readers import READERS

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

    def run(
        *inputs: Path, out: str = "corpus", workers: int = 1, **config: Any
    ) -> tuple[list[list[str]], Path]:
        config.setdefault("heldout", 0)
        target = tmp_path / out
        build_corpus(
            CorpusConfig(inputs=[str(i) for i in inputs], **config), target, Context(workers=workers)
        )
        return read(target), target

    return run


def read(folder: Path) -> list[list[str]]:
    """All documents of an artifact as lists of sentences."""
    parts = training_parts(folder) + heldout_parts(folder)
    documents = [d for part in parts for d in part.read_text("utf-8").rstrip("\n").split("\n\n")]
    return [document.split("\n") for document in documents]


def rows(
    text: str, kind: str, column: str | None = None, *, record: dict[str, Any] | None = None
) -> list[str]:
    """The documents of a table; bad rows raise, or are skipped where `record` is to book them."""
    book = RowBook(f"a.{kind}", {} if record is None else record, skip=record is not None)
    return DOC.join(row_documents([text], book.path, READERS[kind], column, book)).split(DOC)
