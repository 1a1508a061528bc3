"""Which tokenizer suits which task, in sentences that follow from the numbers and quote them.

A difference counts from two per cent on; below that another sample of text could reverse it.
"""

from __future__ import annotations

from math import floor

from malmoi.messages import text
from malmoi.report.verdict import Finding
from malmoi.tokenizer_eval.run import TokenizerComparison

TELLING = 0.02
UNKNOWN = 1.0  # per cent of the eojeols with [UNK]; a judgement, like the bounds below
CUT_OUT = 90.0  # exact match; a ceiling below it costs more than models of one size differ by
LONG = 10.0  # per cent of the documents beyond 512 tokens
SLOW = 5.0  # times
ALL_SHOWN = 3  # names in one sentence; if there are more, only the lowest and the highest


def headline(found: TokenizerComparison) -> Finding:
    """The most serious of `findings`, or the first."""
    said = findings(found)
    for tone in ("bad", "warn", "good", "plain"):
        for saying in said:
            if saying.tone == tone:
                return saying
    return Finding("plain", text("compare.say.nothing"))


def findings(found: TokenizerComparison) -> list[Finding]:
    """What suits which task, then warnings."""
    said = [*_cheapest(found), *_inside(found), *_answers(found), *_beware(found), *_speed(found)]
    if found.part == "training":
        said.append(Finding("plain", text("compare.say.training_text")))
    return said


def _cheapest(found: TokenizerComparison) -> list[Finding]:
    """Among those that lose little text: a vocabulary that gives [UNK] is short too. If a shorter one is left
    out for that, the sentence names it."""
    least = min(c.measures.unk_eojeol_percent for c in found.contenders)
    whole = [c for c in found.contenders if c.measures.unk_eojeol_percent <= max(UNKNOWN, least)]
    best = min(whole, key=lambda c: c.measures.tokens_per_eojeol)
    worst = max(whole, key=lambda c: c.measures.tokens_per_eojeol)
    saved = 1 - best.measures.tokens_per_eojeol / worst.measures.tokens_per_eojeol
    if saved < TELLING:
        return []
    said = text(
        "compare.say.cheapest",
        name=best.name,
        tokens=f"{best.measures.tokens_per_eojeol:.2f}",
        saved=f"{100 * saved:.0f}",
        other=worst.name,
    )
    shorter = [
        f"{c.name} {c.measures.tokens_per_eojeol:.2f}"
        for c in sorted(found.contenders, key=lambda c: c.measures.tokens_per_eojeol)
        if c not in whole and c.measures.tokens_per_eojeol < best.measures.tokens_per_eojeol
    ]
    if shorter:
        bound = f"{floor(10 * max(UNKNOWN, least)) / 10:g}"  # never rounded up: all of them lie above it
        said += " " + text("compare.say.left_out", names=", ".join(shorter), bound=bound)
    return [Finding("good", said, text("compare.say.cheapest_why"))]


def _inside(found: TokenizerComparison) -> list[Finding]:
    judged = [(c.boundaries.f1, c) for c in found.contenders if c.boundaries]
    if len(judged) < 2:
        return []
    best, contender = max(judged, key=lambda pair: pair[0])
    if best - min(f1 for f1, _ in judged) < 100 * TELLING or contender.boundaries is None:
        return []
    return [
        Finding(
            "good",
            text(
                "compare.say.inside",
                name=contender.name,
                recall=f"{contender.boundaries.recall:.0f}",
                precision=f"{contender.boundaries.precision:.0f}",
            ),
            text("compare.say.inside_why", analyzer=str(found.analyzer)),
        )
    ]


def _answers(found: TokenizerComparison) -> list[Finding]:
    judged = [(c.ceiling.em, c.name) for c in found.contenders if c.ceiling]
    if not judged:
        return []
    said = []
    best, name = max(judged)
    if len(judged) > 1 and best - min(judged)[0] >= 100 * TELLING:
        said.append(Finding("good", text("compare.say.answers", name=name, em=f"{best:.1f}")))
    low = sorted((em, name) for em, name in judged if em < CUT_OUT)
    if low:
        (em, name), *others = low
        why = text("compare.say.answers_why")
        if others:
            why += " " + text("compare.say.others", others=", ".join(f"{n} {e:.1f}" for e, n in others))
        said.append(Finding("bad", text("compare.say.cannot_answer", name=name, em=f"{em:.1f}"), why))
    return said


def _beware(found: TokenizerComparison) -> list[Finding]:
    shares = {
        "unknown": [(c.name, c.measures.unk_eojeol_percent) for c in found.contenders],
        "long": [(c.name, c.measures.documents.over[512]) for c in found.contenders],
    }
    said = []
    for what, least in (("unknown", UNKNOWN), ("long", LONG)):
        over = sorted((share, name) for name, share in shares[what] if share > least)
        shown = [f"{name} {share:.1f} %" for share, name in over]
        if shown:
            ends = ", ".join(shown) if len(shown) <= ALL_SHOWN else f"{shown[0]} … {shown[-1]}"
            said.append(Finding("warn", text(f"compare.say.{what}", shares=ends)))
    return said


def _speed(found: TokenizerComparison) -> list[Finding]:
    fast, slow = (pick(found.contenders, key=lambda c: c.speed) for pick in (max, min))
    if fast.speed < SLOW * slow.speed:
        return []
    times = f"{fast.speed / max(slow.speed, 1e-6):.0f}"
    return [
        Finding(
            "plain",
            text("compare.say.slow", name=slow.name, times=times, other=fast.name, speed=f"{slow.speed:.2f}"),
        )
    ]
