"""HTML tags and entities out of whole blocks of text, before anything looks at lines.

A tag is a name that HTML or wiki text has, alone or with attributes: <요리사> and <Hello> (titles in Korean
text) stay, and so does the text between the two signs of `x<a 보다 크고 s>t`.
"""

from __future__ import annotations

import html
import re

from malmoi.corpus.documents import DOC
from malmoi.corpus.ledger import Ledger
from malmoi.hangul.nfc import composed

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
# Attributes without a value.
FLAGS = (
    "allowfullscreen async autofocus autoplay checked compact controls defer disabled hidden inline ismap"
    " itemscope line loop multiple muted noshade novalidate nowrap open readonly required reversed selected"
)
SPACE = rf"[^\S{DOC}]"  # Python's \s would match the separator of documents
_NAME = r"[A-Za-z_:@][A-Za-z0-9_:.@-]*"
_VALUE = rf"(?:\"[^\"<{DOC}]*\"|'[^'<{DOC}]*'|[^\s\"'<>{DOC}]+)"
# If one is name=value the others may be any ASCII words, and the last one's quotation mark may be missing. At
# most 50, and what follows that mark is matched possessively (`+`): otherwise each attribute of an unclosed
# tag would be tried as the last one, with each of 2,000 letters as its end, 40 s for a megabyte.
_ATTRIBUTES = (
    rf"(?:{SPACE}+(?:{'|'.join(FLAGS.split())}))*"
    rf"|(?=[^<>{DOC}]{{0,2000}}=)(?:(?:{SPACE}+|(?<=[\"'])){_NAME}(?:{SPACE}*={SPACE}*{_VALUE})?){{0,50}}"
    rf"(?:{SPACE}+{_NAME}{SPACE}*={SPACE}*[\"'][^<>{DOC}]{{0,2000}}+)?"
)


def _tag(names: str) -> re.Pattern[str]:
    either = "|".join(names.split())
    return re.compile(rf"<(?:(?:{either})(?:{_ATTRIBUTES}){SPACE}*/?|/(?:{either}){SPACE}*)>", re.IGNORECASE)


# A script, comment or footnote ends where the next one begins at the latest: thousands of unclosed ones must
# not each scan the rest, nor take text with them.
STEPS = (
    ("html_tag", re.compile(rf"<(script|style)\b(?:(?!<\1\b)[^{DOC}]){{0,50000}}?</\1{SPACE}*>", re.I), ""),
    ("html_tag", re.compile(rf"<!--(?:(?!<!--)[^{DOC}]){{0,20000}}?-->"), ""),
    (
        "footnote",
        re.compile(
            rf"<ref\b(?:[^<>{DOC}]{{0,500}}[^<>/{DOC}])?>(?:(?!<ref\b)[^{DOC}]){{0,5000}}?</ref{SPACE}*>",
            re.I,
        ),
        "",
    ),
    ("html_tag", _tag(BLOCK), "\n"),
    ("html_tag", _tag(INLINE), ""),
)
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[a-zA-Z]{2,8}[0-9]{0,2});")


def strip_html(text: str, ledger: Ledger) -> str:
    """Entities and tags of a block of documents separated by DOC; block tags end a line."""
    if "&" in text:
        # Twice: wiki dumps escape what was already escaped, &amp;lt;
        for _ in range(2):
            spans = [found.span() for found in ENTITY.finditer(text) if _unescape(found) != found[0]]
            ledger.change_at("html_entity", text, spans, lambda around: ENTITY.sub(_unescape, around))
            if not spans:
                break
            text = composed(ENTITY.sub(_unescape, text))
    if "<" in text:
        for code, pattern, put in STEPS:
            text = strip(text, ledger, code, pattern, put)
    return text


def strip(text: str, ledger: Ledger, code: str, pattern: re.Pattern[str], put: str) -> str:
    """Put `put` for each match in a block of documents, and record it under `code`."""
    spans = [found.span() for found in pattern.finditer(text)]
    if not spans:
        return text
    ledger.change_at(code, text, spans, lambda around: pattern.sub(put, around))
    return pattern.sub(put, text)


def _unescape(found: re.Match[str]) -> str:
    plain = html.unescape(found[0])
    return " " if plain in ("\n", "\r", DOC, "\t") else plain
