"""Tags go, prose between two signs does not, and no tag is put together from the ends of two documents."""

from __future__ import annotations

import pytest

from malmoi.corpus.documents import DOC
from malmoi.corpus.html import strip_html
from malmoi.corpus.ledger import Ledger


@pytest.mark.parametrize(
    "text",
    [
        "값이 x<a 보다 작고 두 수의 합이 s>t 보다 큰 수를 찾는다.",
        "a<b and b>c",
        "i<br and s>q",
        "만약 p < q 이고 <q 이면> 참이다.",
        "온도가 <b 이상이거나 나이=열 살>인 경우",
        "<요리사>와 <Hello>와 <Q&A>",
    ],
)
def test_prose_between_two_signs_stays(text: str) -> None:
    ledger = Ledger(1)
    assert strip_html(text, ledger) == text
    assert not ledger.changed


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("<a href='x' title=\"b > c\">링크</a>", "링크"),
        ("<td nowrap>칸</td><td width=50% align center>둘", "\n칸\n\n둘"),
        ("<img src=a.png alt='그림'/>옆<br/>아래<br>끝<hr />", "옆\n아래\n끝\n"),
        ("<INPUT type=checkbox CHECKED>고름", "고름"),
        ('<font color="red"size=3>붉게</font>', "붉게"),
        ("<span class=\"이름\" data-x='1'>글</span>", "글"),
        ('<div style="color:red>따옴표가 안 닫힌 칸</div>', "\n따옴표가 안 닫힌 칸\n"),
        ("<h2 id=mw>제목</h2><nowiki>글</nowiki>", "\n제목\n글"),
        ("가<ref>왕건, 12쪽</ref>나<ref name=a>고려사</ref>다<ref name='b'/>라<references/>", "가나다라"),
        ("하나<ref>닫지 않음 둘<ref>닫음</ref> 셋", "하나닫지 않음 둘 셋"),
    ],
)
def test_tags_and_footnotes_go(text: str, after: str) -> None:
    assert strip_html(text, Ledger(0)) == after


def test_every_kind_of_removal_has_a_sample() -> None:
    ledger = Ledger(2)
    ledger.file_of = str
    strip_html(f"<b>굵은</b> 글&nbsp;이다.{DOC}나라는 컸다.<ref>고려사</ref> 끝.", ledger)
    assert ledger.changed == {"html_entity": 1, "footnote": 1, "html_tag": 2}
    samples = {code: [sample[1:] for sample in found] for code, found in ledger.change_samples.items()}
    assert samples == {
        "html_entity": [("<b>굵은</b> 글&nbsp;이다.", "<b>굵은</b> 글\xa0이다.")],
        "footnote": [("나라는 컸다.<ref>고려사</ref> 끝.", "나라는 컸다. 끝.")],
        "html_tag": [("<b>굵은</b> 글\xa0이다.", "굵은 글\xa0이다.")],
    }


@pytest.mark.parametrize("text", [f"앞 글 <b{DOC}뒤 글> 끝", f"<p{DOC}>", f"<script>앞</script{DOC}>"])
def test_a_tag_does_not_reach_into_the_next_document(text: str) -> None:
    assert strip_html(text, Ledger(0)) == text


def test_tags_with_space_in_them_go() -> None:
    assert strip_html(f"<b class='x'>굵게</b\n>{DOC}<script >x</script\n>글", Ledger(0)) == f"굵게{DOC}글"


@pytest.mark.parametrize(
    ("start", "repeated"),
    [
        ("<br", ' b="c"'),
        ("<a", ' b="c"'),
        ('<a b="c"', " "),
        ('<a b="', "\n"),
        ("", '<a b="c" b="'),
        ("<td", " b=c"),
    ],
)
def test_a_tag_that_never_ends_stays_and_costs_no_more_than_its_length(start: str, repeated: str) -> None:
    """Half a megabyte; where each attribute was tried as the last one it took 20 to 70 seconds."""
    text = start + repeated * (500_000 // len(repeated))
    assert strip_html(text, Ledger(0)) == text


def test_a_tag_has_up_to_50_attributes() -> None:
    assert strip_html("<a" + ' b="c"' * 50 + ">글</a>", Ledger(0)) == "글"
    assert strip_html("<a" + ' b="c"' * 49 + ' title="안 닫힘>글</a>', Ledger(0)) == "글"
