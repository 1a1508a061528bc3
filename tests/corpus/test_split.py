"""Sentence boundaries. `|` marks where a line must be cut, and nowhere else."""

from __future__ import annotations

import polars as pl
import pytest

from malmoi.corpus.split import split_sentences


@pytest.mark.parametrize(
    "marked",
    [
        "그는 서울에서 태어났다. |그 뒤 부산으로 옮겼다.",
        '그녀는 "오늘은 비가 온다." 라고 말했다. |우산을 챙겼다.',
        '"오늘은 비가 온다."라고 그녀가 말했다.',
        "1962년(만 38세) 상원 의원이 되었다(초선). |1970년에는 주지사가 되었다.",
        "물가가 지난해보다 3.5%. |금리는 연 2.0%이다.",
        "정말 재미없었다.|그래서 끝까지 보지 않았다.",
        "날짜는 2002. 12. 19. 목요일이었다.",
        "하지만... 나는 그렇게 생각하지 않아요.",
        "정말 그렇습니까? |저는 그렇게 보지 않습니다! |다시 말씀해 주세요.",
        "He moved to Seoul last year. |그는 그곳에서 살았다.",
        "Dr. Kim은 연세대학교에서 가르쳤다.",
        "이것은 끝났다。|다음은 무엇일까？|아무도 모른다.",
        "“어디 가니?” |“학교에 가요.” |두 사람은 헤어졌다.",
    ],
)
def test_boundaries(marked: str) -> None:
    frame = pl.DataFrame({"document": [7], "text": [marked.replace("|", "")]})
    split = split_sentences(frame, 4)
    assert split["text"].to_list() == [piece.strip() for piece in marked.split("|")]
    assert set(split["document"]) == {7}


def test_short_sentences_stay_with_their_neighbour() -> None:
    lines = [
        "나는 어제 학교에 다시 갔다. 응. 그랬지.",
        "왜? 나는 어제 학교에 갔다.",
        "집에 돌아온 뒤에 잤다.",
    ]
    frame = pl.DataFrame({"document": [0, 1, 1], "text": lines})
    assert split_sentences(frame, 10).rows() == [(0, lines[0]), (1, lines[1]), (1, lines[2])]


def test_documents_follow_their_sentences() -> None:
    frame = pl.DataFrame(
        {"document": [0, 1], "text": ["하나가 왔다. 둘이 갔다. 응.", "셋이 남았다. 넷도 남았다."]}
    )
    assert split_sentences(frame, 5).rows() == [
        (0, "하나가 왔다."),
        (0, "둘이 갔다. 응."),
        (1, "셋이 남았다."),
        (1, "넷도 남았다."),
    ]
