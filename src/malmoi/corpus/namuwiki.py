"""Namuwiki's markup out of whole blocks of text: what a reader sees stays, a table cell on a line of its own.

Links, bold type, bullets and what else it shares with other wikis are left to `rules.WIKI`. `{{{…}}}` is
undone in all text, because it turns up wherever a wiki is quoted; the rest is the preset `markup =
"namuwiki"`.
"""

from __future__ import annotations

import re

from malmoi.corpus.documents import DOC
from malmoi.corpus.html import SPACE, strip
from malmoi.corpus.ledger import Ledger

DEEPEST = 50  # braces inside braces; each level copies what it holds once
BRACES = re.compile(rf"(\{{\{{\{{|\}}\}}\}}|{DOC})")
# What the first word inside says about the rest: size (+1, -2), colour (#red, #fff,#000), or #!wiki.
_LOOK = re.compile(r"(?:[+-][1-5]|#(?!!)[\w#,]{1,40})\s")
_CODE = re.compile(r"#!(?:syntax|source|latex)\b", re.IGNORECASE)
_BLOCK = re.compile(r"#!(?:html\b\s*|[^\n]*(?:\n|$))", re.IGNORECASE)
_PARAMETER = re.compile(r"[^\n|]{1,40}\|")  # MediaWiki's {{{1|}}}
MACROS = (
    "include youtube kakaotv nicovideo navertv vimeo spotify anchor clearfix tableofcontents footnote"
    " 목차 각주"
)
VALUES = "math|age|dday|pagecount"  # macros whose text Namuwiki computes
# Documents are joined: to `.`, `^` and `$` their separator would be any character.
START, END, ANY = rf"(?<![^\n{DOC}])", rf"(?![^\n{DOC}])", rf"[^\n{DOC}]"
STEPS = (
    (rf"{START}##{ANY}*\n?", ""),  # comments
    (rf"(?i){START}#(?:redirect|넘겨주기)\b{ANY}*", ""),
    (rf"{START}-{{4,9}}[ \t]*{END}", ""),
    # A footnote may hold links and macros.
    (
        rf"\[\*[^\s\[\]]*{SPACE}(?:[^\[\]{DOC}]|\[\[[^\[\]{DOC}]*\]\]|\[[^\[\]{DOC}]*\])*\]",
        "",
    ),
    (rf"(?i)\[(?:{'|'.join(MACROS.split())})(?:\([^()\[\]\n{DOC}]*\))?\]", ""),
    (rf"\[ruby\(([^,()\[\]\n{DOC}]*),[^()\[\]\n{DOC}]*\)\]", r"\1"),
    # As WikiExtractor writes it: the sentence has lost a word. An unclosed one ends where the next begins: a
    # thousand of them must not each read to the end of the line.
    (
        rf"(?i)\[(?:(?:{VALUES})\((?:(?!\[(?:{VALUES})\(){ANY})*?\)|date|datetime|pagecount)\]",
        "formula_0",
    ),
    (r"(?i)\[br\]", "\n"),
    (rf"\[\[([^\[\]|#\n{DOC}]+)#[^\[\]|\n{DOC}]*\]\]", r"[[\1]]"),  # a section of a page
    (rf"{START}(={{2,6}})#?[ \t]*({ANY}+?)[ \t]*#?\1[ \t]*{END}", r"\2"),
    (rf"\|\|(?:[ \t]*<(?:[^<>|\n{DOC}]|\|(?!\|)){{1,80}}>)*[ \t]*", "\n"),  # cells and how they look
    (rf"{START}>+[ \t]?", ""),
    (rf"(~~|--|__|\^\^|,,)(?=[^\s~_^,-])({ANY}{{1,500}}?)(?<=[^\s~_^,-])\1", r"\2"),
)
_STEPS = [(re.compile(pattern), put) for pattern, put in STEPS]


def strip_namuwiki(text: str, ledger: Ledger) -> str:
    """All of Namuwiki's markup out of a block of documents separated by DOC."""
    text = strip_braces(text, ledger)
    for pattern, put in _STEPS:
        text = strip(text, ledger, "wiki_markup", pattern, put)
    return text


def strip_braces(text: str, ledger: Ledger) -> str:
    """`{{{+1 글}}}` to its text, in a block of documents separated by DOC. Code is removed; unbalanced braces
    stay."""
    if "{{{" not in text:
        return text
    plain, spans = _undo(text)
    ledger.change_at("wiki_markup", text, spans, lambda around: _undo(around)[0])
    return plain


def _undo(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text, and where the outermost braces were."""
    open_: list[tuple[int, list[str]]] = [(0, [])]  # where each level begins, and what it holds so far
    spans = []
    at = 0
    for part in BRACES.split(text):
        if part == "{{{" and len(open_) <= DEEPEST:
            open_.append((at, []))
        elif part == "}}}" and len(open_) > 1:
            start, held = open_.pop()
            open_[-1][1].append(_inside("".join(held)))
            if len(open_) == 1:
                spans.append((start, at + 3))
        else:
            if part == DOC:
                _close(open_)
            open_[-1][1].append(part)
        at += len(part)
    _close(open_)
    return "".join(open_[0][1]), spans


def _close(levels: list[tuple[int, list[str]]]) -> None:
    """Braces that were never closed are text."""
    while len(levels) > 1:
        _, held = levels.pop()
        levels[-1][1].extend(("{{{", *held))


def _inside(text: str) -> str:
    if _CODE.match(text) or _PARAMETER.match(text):
        return ""
    return (_BLOCK if text.startswith("#!") else _LOOK).sub("", text, count=1) if text[:1] in "#+-" else text
