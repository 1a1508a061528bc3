"""Files in the format of SQuAD 1.1 and KorQuAD 1.0 in, contexts with their questions and gold answers out.

Each context stands once, however many questions it has: it is what tokenizers and models read. Gold answers
keep the characters of the file; what does not lie where the file says is counted and left out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.readers.decode import Decoded


@dataclass(frozen=True, slots=True)
class Gold:
    """One answer: `[start, end)` in characters of its context."""

    text: str
    start: int

    @property
    def end(self) -> int:
        return self.start + len(self.text)


@dataclass(frozen=True, slots=True)
class Question:
    """`context` is the index of its context; `answers` are all that count as right, at least one."""

    id: str
    context: int
    text: str
    answers: tuple[Gold, ...]


@dataclass(frozen=True, slots=True)
class Squad:
    """`misplaced`: questions left out because no answer of theirs stands where the file says.
    `unanswerable`: left out because the file gives no answer (SQuAD 2.0)."""

    contexts: list[str]
    questions: list[Question]
    misplaced: int = 0
    unanswerable: int = 0


def read_squad(path: Path) -> Squad:
    """Read a file of any encoding the corpus stage knows, compressed or not.

    Raises MM0251 (not there), MM0252 (not JSON), MM0253 (JSON of another shape: the key is named), MM0254
    (no question with an answer), and those of `Decoded`.
    """
    if not path.is_file():
        raise MalmoiError(Code.QA_FILE_MISSING, path)
    try:
        whole = json.loads("".join(Decoded(path)))
    except (json.JSONDecodeError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise MalmoiError(
            Code.QA_NOT_JSON, f"{path}:{line}", detail=getattr(error, "msg", "nesting")
        ) from None
    contexts: list[str] = []
    questions: list[Question] = []
    misplaced = unanswerable = 0
    for a, article in enumerate(_get(path, "data", whole, "data", list)):
        where = f"data[{a}]"
        for p, paragraph in enumerate(_get(path, f"{where}.paragraphs", article, "paragraphs", list)):
            place = f"{where}.paragraphs[{p}]"
            context = _get(path, f"{place}.context", paragraph, "context", str)
            for q, asked in enumerate(_get(path, f"{place}.qas", paragraph, "qas", list)):
                key = f"{place}.qas[{q}]"
                answers = _answers(path, key, asked)
                right = tuple(gold for gold in answers if gold.text and _stands(gold, context))
                unanswerable += not answers
                misplaced += bool(answers) and not right
                if right:
                    name = _get(path, f"{key}.id", asked, "id", (str, int))
                    text = _get(path, f"{key}.question", asked, "question", str)
                    questions.append(Question(str(name), len(contexts), text, right))
            contexts.append(context)
    if not questions:
        raise MalmoiError(Code.NO_ANSWERS, path, misplaced=misplaced, unanswerable=unanswerable)
    return Squad(contexts, questions, misplaced, unanswerable)


def _answers(path: Path, key: str, asked: Any) -> list[Gold]:
    found = []
    for i, answer in enumerate(_get(path, f"{key}.answers", asked, "answers", list)):
        text = _get(path, f"{key}.answers[{i}].text", answer, "text", str)
        start = _get(path, f"{key}.answers[{i}].answer_start", answer, "answer_start", int)
        found.append(Gold(text, start))
    return found


def _stands(gold: Gold, context: str) -> bool:
    return gold.start >= 0 and context[gold.start : gold.end] == gold.text


def _get(path: Path, key: str, table: Any, name: str, kind: type | tuple[type, ...]) -> Any:
    if not isinstance(table, dict) or not isinstance(table.get(name), kind):
        found = ", ".join(map(str, table))[:80] if isinstance(table, dict) else type(table).__name__
        raise MalmoiError(Code.NOT_SQUAD, path, key=key, found=found or "–")
    return table[name]
