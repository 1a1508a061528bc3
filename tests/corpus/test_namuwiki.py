"""Namuwiki's markup goes, what its readers see stays."""

from __future__ import annotations

from pathlib import Path

import pytest

from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.documents import DOC
from malmoi.corpus.ledger import Ledger
from malmoi.corpus.namuwiki import strip_braces, strip_namuwiki
from malmoi.corpus.refine import COUNTS, refine_block
from tests.corpus.conftest import Build

PAGE = """#redirect 없는 문서
== 개요 ==
## 이 줄은 편집하는 사람만 본다.
[목차]
[include(틀:상위 문서, top1=마을)]
{{{+1 '''큰 마을'''}}}은 산 너머에 있다.
[[동쪽 나라#s-2|동쪽]]에 있는 ~~아주~~ 오래된 마을이다.[* 1980년에는 [[작은 마을]]이었다. 그렇다.]
우물은 [[마을 우물#깊이]]이 깊다.
||<-2><bgcolor=#fff> 물맛 || 예로부터 물이 맑기로 이름난 곳이라고 전한다. ||
||<|2> 크기 || {{{#red 서른 집이 모여 사는 작은}}} 마을이라고 적혀 있다. ||
> 마을은 늘 그 자리에 있었다고 노래한다.
 * 첫째로 꼽는 볼거리는 느티나무이다.
{{{#!folding [펼치기]
접어 둔 글도 읽는 사람은 볼 수 있다.[br]둘째 줄도 그대로 읽을 수 있다. [[분류:마을]]
}}}
{{{#!syntax python
print("글이 아닌 것")
}}}
-----
[ruby(漢江, ruby=한강)]을 건너야 갈 수 있는 곳이다. __밑줄__ 친 글과 2^^10^^은 그대로 남는다.
[[파일:마을.png|width=100]][youtube(abc)][각주]"""

READ = [
    "큰 마을은 산 너머에 있다.",
    "동쪽에 있는 아주 오래된 마을이다.",
    "우물은 마을 우물이 깊다.",
    "예로부터 물이 맑기로 이름난 곳이라고 전한다.",
    "서른 집이 모여 사는 작은 마을이라고 적혀 있다.",
    "마을은 늘 그 자리에 있었다고 노래한다.",
    "첫째로 꼽는 볼거리는 느티나무이다.",
    "접어 둔 글도 읽는 사람은 볼 수 있다.",
    "둘째 줄도 그대로 읽을 수 있다.",
    "漢江을 건너야 갈 수 있는 곳이다.",
    "밑줄 친 글과 210은 그대로 남는다.",
]


def test_a_page() -> None:
    config = CorpusConfig(markup="namuwiki")
    kept = refine_block(PAGE, config, Ledger(0), dict.fromkeys(COUNTS, 0))
    assert kept["text"].to_list() == READ


def test_a_build_takes_the_preset_from_its_config(tmp_path: Path, build: Build) -> None:
    (tmp_path / "namu.jsonl").write_text('{"text": "||<-2> 물이 맑기로 이름난 곳이라고 전한다. ||"}', "utf-8")
    documents, _ = build(tmp_path / "namu.jsonl", markup="namuwiki")
    assert documents == [["물이 맑기로 이름난 곳이라고 전한다."]]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("{{{+1 '''큰 마을'''}}}은 동쪽에", "'''큰 마을'''은 동쪽에"),
        ("{{{그대로}}} {{{#fff,#000 흰}}} {{{-2 작은}}}", "그대로 흰 작은"),
        ("{{{+1 바깥 {{{#red 안쪽}}} 글}}}", "바깥 안쪽 글"),
        ('{{{#!wiki style="x"\n안 {{{-1 글}}}\n}}}', "안 글\n"),
        ("{{{#!html <b>굵게</b>}}}", "<b>굵게</b>"),
        ("{{{#!syntax c\nint x;\n}}}", ""),
        ("{{{1|기본값}}}", ""),  # MediaWiki's parameters
        ("{{{닫지 않음 }} 글", "{{{닫지 않음 }} 글"),
        ("열지 않음}}} 글", "열지 않음}}} 글"),
        ("{{{+1 하나 {{{+1 둘}}}", "{{{+1 하나 둘"),
        (f"{{{{{{앞{DOC}뒤}}}}}}", f"{{{{{{앞{DOC}뒤}}}}}}"),
    ],
)
def test_braces(before: str, after: str) -> None:
    assert strip_braces(before, Ledger(0)) == after


@pytest.mark.parametrize(
    "text",
    [
        f"##{DOC}뒤 글",
        f"앞 글\n##{DOC}뒤 글",
        f"#redirect{DOC}뒤 글",
        f"앞[* {DOC}] 뒤",
        f"[*{DOC}각주]",
        f"== 앞 {DOC}뒤 ==",
        f"~~앞{DOC}뒤~~",
        f"[math({DOC})]",
        f"[[앞#{DOC}]]",
    ],
)
def test_nothing_reaches_into_the_next_document(text: str) -> None:
    done = strip_namuwiki(text, Ledger(0))
    assert done.count(DOC) == 1
    assert done.split(DOC)[1] == text.split(DOC)[1]


def test_a_second_document_begins_as_a_first_does() -> None:
    page = "== 개요 ==\n## 주석\n> 인용한 글"
    once = strip_namuwiki(page, Ledger(0))
    assert once == "개요\n인용한 글"
    assert strip_namuwiki(page + DOC + page, Ledger(0)) == once + DOC + once


def test_other_text_keeps_what_looks_alike() -> None:
    text = "C-- 언어와 a__b__c, 가격은 ~~ 5,,000원 -- 정도"
    assert strip_braces(text, Ledger(0)) == text
    assert strip_namuwiki("가격은 ~~ 정도 -- 비싸다", Ledger(0)) == "가격은 ~~ 정도 -- 비싸다"


def test_deep_and_unclosed_braces_cost_no_more_than_their_length() -> None:
    for text in ("{{{" * 100_000, "{{{+1 " * 50_000 + "}}}" * 50_000, "[* " * 100_000, "||<" * 100_000):
        assert len(strip_namuwiki(text, Ledger(0))) <= len(text)


def test_unclosed_macros_cost_no_more_than_their_length() -> None:
    """Half a megabyte; where each was sought to the end of the line it took ten minutes."""
    for text in ("[math(" * 80_000, "[math([age(" * 45_000):
        assert strip_namuwiki(text, Ledger(0)) == text
    assert strip_namuwiki("[math(a [math(x_{(1)}^2)] 이다", Ledger(0)) == "[math(a formula_0 이다"
