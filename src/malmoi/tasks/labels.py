"""Labels as people write them: which mean "none here", and which are one label in two spellings.

Joined tables, spreadsheets and phones spell one label in several ways (1 and 1.0, True and true, a full-width
１, an invisible space behind). Learnt as they stand these are classes of their own, and no score says why.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.progress import Reporter
from malmoi.tasks.examples import Examples, Split
from malmoi.tasks.invisible import revealed, visible
from malmoi.tasks.numbers import number
from malmoi.tasks.spellings import Alike
from malmoi.tasks.table import some_lines

SHOWN = 5  # groups of labels in an error


def spelling(label: str) -> str | Decimal:
    """What spellings of one label have in common: its value as a number, else its letters (NFKC, nothing
    invisible, single spaces, case folded)."""
    plain = unicodedata.normalize("NFKC", visible(unicodedata.normalize("NFKC", label)).casefold())
    plain = " ".join(plain.split())
    return plain if number(plain) is None else Decimal(plain)


def merge_spellings(
    read: Mapping[Split, Examples], known: Sequence[str], alike: Alike, reporter: Reporter
) -> dict[Split, Examples]:
    """All splits, with one spelling for each label: the task's own (`known`), else train's commonest.

    Raises MM0637 where labels differ in spelling only and `alike` is "stop"; "keep" leaves them apart.
    """
    if alike == "keep":
        return dict(read)
    counts: dict[str, int] = {}
    for examples in read.values():
        for label in examples.labels:
            counts[label] = counts.get(label, 0) + (examples is read["train"])
    groups: dict[str | Decimal, list[str]] = {}
    for label in dict.fromkeys([*known, *counts]):
        groups.setdefault(spelling(label), []).append(label)
    chosen: dict[str, str] = {}
    for group in groups.values():
        own = [label for label in group if label in known]
        if len(group) > 1 and len(own) < 2:  # else the task itself tells them apart
            best = own[0] if own else max(group, key=lambda label: counts[label])
            chosen |= {label: best for label in group if label != best}
    if not chosen:
        return dict(read)
    shown = _shown(chosen, counts)
    if alike == "stop":
        raise _stop(read, chosen, shown)
    reporter.say("tasks.merged", labels=shown)
    return {
        split: replace(examples, labels=[chosen.get(label, label) for label in examples.labels])
        for split, examples in read.items()
    }


def _stop(read: Mapping[Split, Examples], chosen: Mapping[str, str], shown: str) -> MalmoiError:
    for examples in read.values():
        if rows := [i for i, label in enumerate(examples.labels) if label in chosen]:
            lines = some_lines([examples.lines[i] for i in rows])
            return MalmoiError(
                Code.LABEL_IN_SEVERAL_SPELLINGS, examples.place(rows[0]), labels=shown, lines=lines
            )
    raise AssertionError("a spelling that no row has")


def _shown(chosen: Mapping[str, str], counts: Mapping[str, int]) -> str:
    """`'1' (25) = '1.0' (10); …`: each label with its spellings and how many rows of train have them."""
    groups = [[best, *(label for label, to in chosen.items() if to == best)] for best in {*chosen.values()}]
    groups.sort()
    told = [
        " = ".join(f"'{revealed(label)}' ({counts.get(label, 0)})" for label in group)
        for group in groups[:SHOWN]
    ]
    return "; ".join(told) + ("; …" if len(groups) > SHOWN else "")


def drop_missing(train: Examples, column: str, reporter: Reporter) -> Examples:
    """The rows of train that have a label; what is dropped is said (MM0638). Raises MM0605 where none has."""
    gone = [i for i, label in enumerate(train.labels) if not label]
    if not gone:
        return train
    if len(gone) == len(train):
        check_missing(train, column)
    lines = some_lines([train.lines[i] for i in gone])
    reporter.warn(
        Code.UNLABELLED_ROWS_LEFT_OUT,
        train.place(gone[0]),
        column=column,
        n=len(gone),
        total=len(train),
        lines=lines,
    )
    left = set(gone)
    return train.take(i for i in range(len(train)) if i not in left)


def check_missing(examples: Examples, column: str) -> None:
    """Raise MM0605 for rows without a label."""
    if lines := [line for line, label in zip(examples.lines, examples.labels, strict=True) if not label]:
        raise MalmoiError(
            Code.LABEL_MISSING, f"{examples.path}:{lines[0]}", column=column, lines=some_lines(lines)
        )
