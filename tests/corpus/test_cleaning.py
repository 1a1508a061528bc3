"""Cleaning and filtering, line by line."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from malmoi.corpus.characters import clean_characters, line_counts
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.filters import filter_sentences
from malmoi.corpus.html import strip_html
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.personal import mask
from malmoi.corpus.rules import rewrite, rules_of


def rewritten(text: str, **config: Any) -> str:
    return str(rewrite(pl.Series([text]), rules_of(CorpusConfig(**config)), Ledger(5))[0])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ㅋㅋㅋㅋㅋㅋ 대박!!!!!", "ㅋㅋㅋ 대박!!!"),
        ("www 1,000,000원 11111111번", "www 1,000,000원 11111111번"),  # digits are never squeezed
        ("영\u200b화\ufeff 평\u00ad점\u200e", "영화 평점"),
        ("하나\u00a0둘\u3000셋\u3164넷\t다섯", "하나 둘 셋 넷 다섯"),
        ("한 줄\u2028두 줄", "한 줄\n두 줄"),
        ("\u110f\u110f \u1172\u1172 \uffa1\uffa2", "ㅋㅋ ㅠㅠ ㄱㄲ"),  # conjoining and halfwidth jamo
        ("가족 👨\u200d👩\u200d👧 하트 ❤\ufe0f 글\u200d자", "가족 👨\u200d👩\u200d👧 하트 ❤\ufe0f 글자"),
        ("종이\ue000 아이콘\x07", "종이 아이콘"),
    ],
)
def test_characters(before: str, after: str) -> None:
    assert clean_characters(before, 3).text == after


@given(st.text("ㅋ가.! 1\n\x1eab", max_size=60), st.integers(1, 5))
def test_squeezing_agrees_with_a_slow_loop(text: str, repeats: int) -> None:
    kept = [
        char
        for i, char in enumerate(text)
        if char in "1 \n\x1e" or i < repeats or text[i - repeats : i] != char * repeats
    ]
    assert clean_characters(text, repeats).text == "".join(kept)


@given(st.lists(st.text("가ㅋa1.!·♥ 漢", max_size=30), min_size=1, max_size=8))
def test_counts_agree_with_a_slow_loop(lines: list[str]) -> None:
    counts = line_counts("\n".join(lines))
    assert counts["chars"].tolist() == [len(line) for line in lines]
    assert counts["hangul"].tolist() == [line.count("가") for line in lines]
    assert counts["symbols"].tolist() == [sum(c in ".!·♥" for c in line) for line in lines]
    assert counts["spaces"].tolist() == [line.count(" ") for line in lines]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("연락은 010-1234-5678로 주세요", "연락은 010-0000-0000로 주세요"),
        ("01012345678입니다", "010-0000-0000입니다"),
        ("+82 10-1234-5678", "010-0000-0000"),
        ("대표 02-123-4567, 지점 051)123-4567", "대표 02-000-0000, 지점 051-000-0000"),
        ("주민번호 900101-1234567이다", "주민번호 000000-0000000이다"),
        ("외국인등록번호 900101-5234567, 800202 8234567", "외국인등록번호 000000-0000000, 000000-0000000"),
        *((f"번호 900101-{sex}234567이다", "번호 000000-0000000이다") for sex in "12345678"),
        ("주민번호 900101 – 1234567, 900101－2234567", "주민번호 000000-0000000, 000000-0000000"),
        ("주민번호 900101-1******과 900101-2XXXXXX", "주민번호 000000-0000000과 000000-0000000"),
        *((f"번호 900101-{sex}******이다", "번호 000000-0000000이다") for sex in "345678"),
        ("010–1234–5678, 031‑123‑4567", "010-0000-0000, 031-000-0000"),
        ("면허 11-12-345678-90번", "면허 00-00-000000-00번"),
        ("kim.cs@naver.com으로", "user@example.com으로"),
        ("카드 1234-5678-9012-3456", "카드 0000-0000-0000-0000"),
        ("계좌 110-123-456789(신한)", "계좌 000-00-000000(신한)"),
        ("2024-01-15 3·1운동 1588-1234 978-89-374-6041-3", "2024-01-15 3·1운동 1588-1234 978-89-374-6041-3"),
    ],
)
def test_personal_numbers(before: str, after: str) -> None:
    assert mask(before) == after
    assert rewritten(before) == after


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("음계(音階)는 음의 집합이다.", "음계는 음의 집합이다."),
        ("물리 상수(物理常數, )는 값이다.", "물리 상수는 값이다."),
        ("PC통신(PC通信, , )은 통신이다.", "PC통신(PC通信)은 통신이다."),
        ("카터(, 1924년 10월 1일 ~ )는 대통령이다.", "카터(1924년 10월 1일 ~)는 대통령이다."),
        ("책()이 있다. (…) 그렇다.", "책이 있다. (…) 그렇다."),
        ("[[아놀드 파올레]]가 [[오스트리아 제국|오스트리아]]로", "아놀드 파올레가 오스트리아로"),
        ("[[파일:a.jpg|섬네일|[[우표]] 속]]본문", "본문"),
        ("{{틀|{{안쪽}}}}글 '''굵게''' 있다[1].", "글 굵게 있다."),
        ("나라가[* 정말이다.] 컸다.", "나라가 컸다."),
        ("바둑(영어: , 중국어: 围棋)은 놀이다.", "바둑(중국어: 围棋)은 놀이다."),
        ("물(영어: , )은 맑다.", "물은 맑다."),
        ("술(한자: , 영어: )이다.", "술이다."),
        ("(장소: 서울, 시간: 낮)에 (비고: )만 비었다.", "(장소: 서울, 시간: 낮)에 (비고: )만 비었다."),
        ("토머스 핀천( 1937년 5월 8일 ~ )은 소설가이다.", "토머스 핀천(1937년 5월 8일 ~)은 소설가이다."),
        ("Ctrl + ( 같은 글쇠를 누른다.", "Ctrl + ( 같은 글쇠를 누른다."),
        ("ㅎㅎ ) 웃음 ( 괄호 안 )", "ㅎㅎ ) 웃음 ( 괄호 안 )"),
        ("== 생애 ==", "생애"),
        ("* 첫째 항목", "첫째 항목"),
        ("• 프란츠 파농", "프란츠 파농"),
        ("기사(https://news.kr/a/b?c=1)를 봐.", "기사(news.kr)를 봐."),
        ("주소는 http://www.korea.kr/x.do#top이다", "주소는 www.korea.kr이다"),
        ("빈칸   여럿 이다 .", "빈칸 여럿 이다."),
    ],
)
def test_rules(before: str, after: str) -> None:
    assert rewritten(before) == after


def test_rules_can_be_chosen() -> None:
    text = "한자(漢字) 좋아요😀 https://a.kr/b 010-1234-5678"
    assert rewritten(text, hanja="keep", urls="keep", personal="keep") == text
    assert rewritten(text, urls="drop", emoji="drop") == "한자 좋아요 010-0000-0000"


def test_html() -> None:
    ledger = Ledger(0)
    text = "<p>첫 문단&nbsp;&amp;lt;끝&amp;gt;</p><script>x<y</script><b>굵게</b> &lt;요리사&gt;<br/>둘 a<b"
    assert strip_html(text, ledger) == "\n첫 문단\xa0<끝>\n굵게 <요리사>\n둘 a<b"
    assert ledger.changed["html_tag"] == 6


def test_unclosed_tags_take_no_text_and_no_time() -> None:
    # Without the stop at the next opening tag, each of these would scan 50,000 characters: half a minute.
    for tag in ("<script ", "<!-- "):
        assert strip_html(tag * 40_000 + "본문", Ledger(0)).endswith("본문")
    assert strip_html("<!-- 하나 <!-- 둘 -->셋", Ledger(0)) == "<!-- 하나 셋"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("너무 짧다.", "too_short"),
        ("가" * 1001, "too_long"),
        ("깨진 \ufffd 글자가 있는 문장입니다.", "broken_characters"),
        ("| 이름 || 홍길동 || 나이 || 스물", "markup"),
        ("함수 formula_12의 값을 구하면 된다.", "markup"),
        ("을 만족하는 함수로 정의하면 된다.", "torn"),
        ("This sentence is not Korean at all.", "low_hangul"),
        ("ㅁㄴㅇㄹ ㅁㄴㅇㄹ ㅁㄴㅇㄹ", "low_hangul"),
        ("대박이다~!!??~~♥♥♥!!", "symbols"),
        ("연락처는 010-1234-5678입니다.", "personal_number"),
        ("이 문장은 아무 문제 없이 남습니다.", None),
    ],
)
def test_reasons(text: str, reason: str | None) -> None:
    ledger = Ledger(5)
    frame = pl.DataFrame({"document": [0], "text": [text]})
    kept = filter_sentences(frame, CorpusConfig(personal="drop"), ledger)
    assert dict(ledger.dropped) == ({reason: 1} if reason else {})
    assert len(kept) == (0 if reason else 1)


def test_samples_are_masked_even_where_the_recipe_keeps_numbers() -> None:
    ledger = Ledger(5)
    long = "제 번호는 010-1234-5678입니다. " + "아" * 1000
    filter_sentences(pl.DataFrame({"document": [0], "text": [long]}), CorpusConfig(personal="keep"), ledger)
    sample = ledger.as_dict()["drop_samples"]["too_long"][0][1]
    assert sample.startswith("제 번호는 010-0000-0000입니다.")
