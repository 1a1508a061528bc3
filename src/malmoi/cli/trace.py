"""`malmoi trace "문장"`: one sentence through cleaner, analyzer, tokenizer and masks to a model's guesses."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.text import Text

from malmoi.analyzers import DEFAULT
from malmoi.cli.console import console
from malmoi.messages import text

if TYPE_CHECKING:
    from malmoi.trace.masks import Masking, Seen
    from malmoi.trace.run import Trace

INVISIBLE = {"\n": "⏎", "\t": "⇥", "\u200b": "␣", "\ufeff": "␣", "\u00a0": "␣"}


def register(app: typer.Typer) -> None:
    app.command("trace", help=text("cli.trace.help"))(trace)


def trace(
    sentence: Annotated[str, typer.Argument(help=text("cli.trace.sentence"), show_default=False)],
    tokenizer: Annotated[Path | None, typer.Option("--tokenizer", help=text("cli.trace.tokenizer"))] = None,
    analyzer: Annotated[str, typer.Option("--analyzer", help=text("cli.trace.analyzer"))] = DEFAULT,
    run: Annotated[Path | None, typer.Option("--run", help=text("cli.trace.run"))] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help=text("cli.trace.seed"))] = 0,
) -> None:
    from malmoi.trace.run import trace as follow

    found = follow(
        sentence,
        tokenizer=tokenizer,
        analyzer=None if analyzer == "none" else analyzer,
        run=run,
        seed=seed,
        reporter=console().reporter,
    )
    console().result(found.as_dict(), _brief(found))
    if console().mode == "json":
        return
    _show_cleaning(found)
    _show_morphemes(found)
    _show_tokens(found)


def _brief(found: Trace) -> str:
    """The sentences as they are cut; without a tokenizer as they are cleaned."""
    if found.tokens is not None:
        return "\n".join(" ".join(token.shown for token in sentence) for sentence in found.tokens)
    return "\n".join(
        fate.text if fate.dropped is None else f"{fate.text} ({_fate(fate.dropped)})"
        for fate in found.cleaned.sentences
    )


def _show_cleaning(found: Trace) -> None:
    changed = [step for step in found.cleaned.steps if step.changed]
    shown = [(text(_step_key(step.name)), _visible(step.after)) for step in changed]
    columns = [text("cli.trace.step"), text("cli.trace.result")]
    console().table("cli.trace.cleaning", columns, [(text("cli.trace.input"), _visible(found.text)), *shown])
    same = [text(_step_key(step.name)) for step in found.cleaned.steps if not step.changed]
    console().print("cli.trace.unchanged", steps=", ".join(same) or "–")
    rows = [
        (
            number,
            fate.text,
            _fate(fate.dropped),
        )
        for number, fate in enumerate(found.cleaned.sentences, 1)
    ]
    console().table("cli.trace.sentences", ["", text("cli.trace.result"), text("cli.trace.fate")], rows)


def _fate(dropped: str | None) -> str:
    return (
        text("cli.trace.kept")
        if dropped is None
        else text("cli.trace.dropped", reason=text(f"reason.{dropped}"))
    )


def _step_key(name: str) -> str:
    return f"trace.step.{name}" if name in ("nfc", "html", "spaces") else f"reason.{name}"


def _visible(shown: str) -> str:
    return "".join(INVISIBLE.get(c, c if c.isprintable() else "�") for c in shown)


def _show_morphemes(found: Trace) -> None:
    if not found.morphemes:
        return
    columns = [text(f"cli.trace.{name}") for name in ("written", "lemma", "tag", "characters")]
    rows = [
        (m.surface, m.lemma if m.lemma != m.surface else "", m.tag, _place(m.sentence, m.start, m.end, found))
        for m in found.morphemes
    ]
    console().table("cli.trace.morphemes", columns, rows)


def _show_tokens(found: Trace) -> None:
    masking = found.masking
    if found.tokens is None or masking is None:
        return
    flat = [(number, token) for number, sentence in enumerate(found.tokens) for token in sentence]
    columns = [text(f"cli.trace.{name}") for name in ("token", "id", "characters", "network")]
    asked = masking.checkpoint is not None
    columns += [text("cli.trace.guesses")] if asked else []
    judged = any(seen.replaced is not None for seen in masking.tokens)
    columns += [text("cli.trace.replaced")] if judged else []
    rows = []
    for (number, token), seen in zip(flat, masking.tokens[1:-1], strict=False):
        place = _place(number, token.start, token.end, found)
        entry = Text(token.shown, style="red" if token.unknown else "")
        row = [entry, token.id, place, _network(seen)]
        row += [_guesses(seen, token.shown)] if asked else []
        row += ["" if seen.replaced is None else f"{100 * seen.replaced:.0f} %"] if judged else []
        rows.append(row)
    console().table("cli.trace.tokens", columns, rows)
    _show_masking(masking, found)


def _show_masking(masking: Masking, found: Trace) -> None:
    count = sum(seen.predicted for seen in masking.tokens)
    console().print(
        "cli.trace.masking",
        objective=masking.objective,
        rate=f"{100 * masking.rate:.0f}",
        count=count,
        seed=masking.seed,
    )
    if masking.checkpoint:
        console().print("cli.trace.checkpoint", path=str(masking.checkpoint))
    if found.left_out:
        console().print("cli.trace.left_out", count=found.left_out)


def _place(sentence: int, start: int, end: int, found: Trace) -> str:
    """`3-5`, with the sentence's number where there are several."""
    several = f"{sentence + 1}: " if len(found.sentences) > 1 else ""
    return f"{several}{start}-{end}"


def _network(seen: Seen) -> Text:
    """What is in the input; ELECTRA's discriminator reads the sample after the arrow."""
    if not seen.predicted:
        return Text("")
    sampled = f" → {seen.sampled}" if seen.sampled is not None else ""
    return Text(seen.shown + sampled, style="bold cyan")


def _guesses(seen: Seen, gold: str) -> Text:
    shown = Text()
    for number, (entry, chance) in enumerate(seen.guesses):
        shown.append(" · " if number else "")
        shown.append(f"{entry} {100 * chance:.0f}%", style="bold green" if entry == gold else "")
    return shown
