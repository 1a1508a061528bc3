"""HTML tags and entities out of whole blocks of text, before anything looks at lines."""

from __future__ import annotations

import html
import re

from malmoi.corpus.documents import DOC
from malmoi.corpus.ledger import Ledger

# Only names that HTML or wiki text has, so that <요리사> and <Hello> (titles in Korean text) stay.
BLOCK = (
    "address article aside blockquote br center dd div dl dt fieldset figcaption figure footer form h[1-6]"
    " header hr li main nav ol option p pre section select table tbody td tfoot th thead title tr ul"
)
INLINE = (
    "a abbr acronym b bdi bdo big body button chem ce cite code del dfn em embed font head html i iframe img"
    " input ins kbd label link map math mark meta nowiki object poem q ref references s samp small source"
    " span strike strong sub sup svg time tt u var video wbr gallery syntaxhighlight includeonly noinclude"
    " onlyinclude"
)


SPACE = rf"[^\S{DOC}]"  # to Python's \s the separator of documents is one


def _tag(names: str) -> re.Pattern[str]:
    return re.compile(rf"</?(?:{'|'.join(names.split())})(?:{SPACE}[^<>{DOC}]{{0,2000}})?/?>", re.IGNORECASE)


# A script or comment ends at the next one's beginning at the latest: unclosed ones by the thousand must not
# cost a scan of the rest each, nor take text with them.
TAGS = (
    (re.compile(rf"<(script|style)\b(?:(?!<\1\b)[^{DOC}]){{0,50000}}?</\1{SPACE}*>", re.IGNORECASE), ""),
    (re.compile(rf"<!--(?:(?!<!--)[^{DOC}]){{0,20000}}?-->"), ""),
    (_tag(BLOCK), "\n"),
    (_tag(INLINE), ""),
)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}[0-9]{0,2});")


def strip_html(text: str, ledger: Ledger) -> str:
    """Entities and tags of a block of documents separated by DOC; block tags end a line."""
    if "&" in text:
        # Twice: wiki dumps escape what was already escaped, &amp;lt;
        text, first = ENTITY.subn(_unescape, text)
        text, second = ENTITY.subn(_unescape, text) if first else (text, 0)
        ledger.count_change("html_entity", first + second)
    if "<" in text:
        for pattern, replacement in TAGS:
            text, count = pattern.subn(replacement, text)
            ledger.count_change("html_tag", count)
    return text


def _unescape(found: re.Match[str]) -> str:
    plain = html.unescape(found[0])
    return " " if plain in ("\n", "\r", DOC, "\t") else plain
