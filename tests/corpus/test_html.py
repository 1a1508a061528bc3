"""Tags go, and none is put together from the ends of two documents."""

from __future__ import annotations

import pytest

from malmoi.corpus.documents import DOC
from malmoi.corpus.html import strip_html
from malmoi.corpus.ledger import Ledger


@pytest.mark.parametrize("text", [f"앞 글 <b{DOC}뒤 글> 끝", f"<p{DOC}>", f"<script>앞</script{DOC}>"])
def test_a_tag_does_not_reach_into_the_next_document(text: str) -> None:
    assert strip_html(text, Ledger(0)) == text


def test_tags_with_space_in_them_go() -> None:
    assert strip_html(f"<b class='x'>굵게</b\n>{DOC}<script >x</script\n>글", Ledger(0)) == f"굵게{DOC}글"
