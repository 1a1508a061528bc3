"""What a report claims, and what it must not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from malmoi.artifact.finished import Manifest
from malmoi.league.gains import judge
from malmoi.report.curves import Curves, Series
from malmoi.report.folder import Found, League, PretrainRun, with_ps
from malmoi.report.verdict import findings, headline


def run(*, steps: int = 1000, step: int = 1000, objective: str = "mlm", **last: float) -> PretrainRun:
    series = {
        name: Series(np.array([step]), np.array([step * 10]), np.array([value]))
        for name, value in last.items()
    }
    config = {"pretrain": {"objective": objective, "steps": steps}, "model": {"size": "tiny"}}
    manifest = Manifest(stage="pretrain", state="finished", key="", config=config)
    return PretrainRun("pretrain", Path("pretrain"), manifest, Curves(series, [], step, step * 10), [])


def line(
    task: str, mean: float, base: float | None, error: float | None, row: str = "ours"
) -> dict[str, Any]:
    """Three seeds that differ by `error` from one to the next; one seed without it."""
    return {
        "row": row,
        "task": task,
        "mean": mean,
        "n": 3 if error else 1,
        "scored": 10_000,
        "values": [mean - error, mean, mean + error] if error else [mean],
        "against": None if base is None else f"no-pretraining-{row}",
        "difference": None if base is None else mean - base,
        "difference_se": error,
    }


def league(*lines: dict[str, Any]) -> Found:
    """The table of these lines and of what they are compared with."""
    bases = [
        line(x["task"], x["mean"] - x["difference"], None, x["difference_se"], x["against"])
        for x in lines
        if x["against"]
    ]
    return Found(Path("out"), league=League(None, with_ps([*lines, *bases]), [], []))


@pytest.mark.parametrize(
    ("mean", "error", "outcome"),
    [
        (0.85, 0.01, "helps"),
        (0.75, 0.01, "hurts"),
        (0.81, 0.01, "unclear"),
        (0.822, 0.01, "unclear"),  # 2.7 standard errors, p = .054
        (0.9, None, "one_seed"),
    ],
)
def test_a_gain_counts_where_chance_would_hardly_make_it(
    mean: float, error: float | None, outcome: str
) -> None:
    found = league(line("t", mean, 0.80, error)).league
    assert found is not None
    assert judge(found.lines[0]["difference"], found.lines[0]["p"]) == outcome


def test_headline_of_one_task_and_of_several() -> None:
    one = headline(league(line("nsmc", 0.85, 0.80, 0.01)))
    assert one.tone == "good"
    expected = "ours scores 5.0 points more than the same model without it (±1.0, 3 seeds, p = 0.004)."
    assert one.text == f"Pretraining helps on nsmc: {expected}"
    worse = headline(league(line("nsmc", 0.75, 0.80, 0.01)))
    assert worse.tone == "bad" and "scores 5.0 points less" in worse.text
    chance = headline(league(line("nsmc", 0.79, 0.80, 0.01)))
    assert chance.tone == "warn"
    assert (
        "It is not shown that pretraining helps on nsmc: with 3 seeds, the −1.0 points" in chance.text
        and "p = 0.288" in chance.text
    )
    assert "1 seed cannot tell" in headline(league(line("nsmc", 0.79, 0.80, None))).text
    several = (line("a", 0.85, 0.80, 0.01), line("b", 0.75, 0.80, 0.01), line("c", 0.80, 0.80, 0.01))
    mixed = headline(league(*several))
    assert mixed.text == "Pretraining helps on 1 of 3 tasks (it hurts on 1; on 1 there is no clear effect)."
    assert mixed.tone == "warn"
    assert headline(league(several[0], line("b", 0.9, 0.8, 0.01))).text == "Pretraining helps on all 2 tasks."


def test_the_best_row_of_a_task_is_judged() -> None:
    found = league(line("a", 0.70, 0.80, 0.01, "worse"), line("a", 0.90, 0.80, 0.01, "better"))
    assert "better scores 10.0 points more" in headline(found).text


def test_the_bag_of_characters_is_always_named() -> None:
    lines = [line("a", 0.85, 0.80, 0.01), line("a", 0.88, None, None, "characters")]
    said = findings(league(*lines))
    assert [s.tone for s in said] == ["bad"]
    assert said[0].text.startswith("ours is 3.0 points below the character n-gram baseline (88.0)")
    both = findings(league(*lines, line("b", 0.85, 0.80, 0.01)))
    assert both[0].tone == "warn" and "points below the character" in both[0].text  # helps, yet is not needed


def test_a_row_that_seeds_cannot_tell_from_the_bag_of_characters_is_neither_above_nor_below() -> None:
    lines = [line("a", 0.88, 0.80, 0.01), line("a", 0.885, None, None, "characters")]
    (said,) = findings(league(*lines))
    assert said.tone == "warn"
    assert said.text.startswith(
        "ours and the character n-gram baseline (88.5) cannot be told apart (−0.5 points, p = "
    )


@pytest.mark.parametrize(("mean", "shown"), [(0.93, "+5.0"), (0.83, "−5.0")])
def test_of_one_seed_nothing_is_claimed_beside_the_bag_of_characters(mean: float, shown: str) -> None:
    lines = [line("a", mean, 0.80, None), line("a", 0.88, None, None, "characters")]
    (said,) = findings(league(*lines))
    assert said.tone == "warn"
    told = (
        f"ours and the character n-gram baseline (88.0) are {shown} points apart; one seed cannot say more."
    )
    assert said.text == told


def test_a_gain_is_judged_among_all_rows_of_all_tasks() -> None:
    one = line("a", 0.825, 0.80, 0.01)  # p = .038 by itself
    assert headline(league(one)).text.startswith("Pretraining helps on a")
    many = [one, *(line(task, 0.80, 0.80, 0.01) for task in "bcd")]
    told = headline(league(*many)).text
    assert told == "Pretraining helps on 0 of 4 tasks (it hurts on 0; on 4 there is no clear effect)."


@pytest.mark.parametrize(
    ("made", "tone", "words"),
    [
        (run(heldout_loss=5.0, heldout_unigram=7.0), "good", "its held-out loss of 5.000 is 2.000 below"),
        (run(heldout_loss=6.5, heldout_unigram=7.0), "bad", "little more than word frequencies"),
        (run(heldout_loss=7.5, heldout_unigram=7.0), "bad", "worse than word frequencies"),
        (run(heldout_loss=6.5, heldout_unigram=7.0, steps=400, step=150), "plain", "too early to judge"),
        (run(heldout_loss=6.5), "plain", "no word-frequency line"),
        (run(loss=6.5), "plain", "no held-out loss yet"),
        (
            run(
                objective="electra",
                heldout_discriminator_auc=0.51,
                heldout_generator_loss=3.0,
                heldout_unigram=7.0,
            ),
            "bad",
            "cannot tell which tokens were replaced (AUC 0.51; guessing is 0.5)",
        ),
    ],
)
def test_what_a_loss_says(made: PretrainRun, tone: str, words: str) -> None:
    said = headline(Found(Path("out"), runs=[made]))
    assert said.tone == tone and words in said.text


def test_what_is_missing_is_said() -> None:
    said = [
        s.text
        for s in findings(
            Found(Path("out"), runs=[run(loss=1.0)], building=[("corpus", ""), ("shards", "aware")])
        )
    ]
    assert any("No task has been scored yet" in s for s in said)
    assert "corpus: read, clean, filter is being made, or was interrupted." in said
    assert "shards: text to token ids (aware) is being made, or was interrupted." in said
    assert "0 cells are done" in findings(league())[-1].text


def named(name: str, **last: float) -> PretrainRun:
    return replace(run(**last), name=name)


def test_across_vocabularies_the_loss_alone_decides_nothing() -> None:
    """`fine` cuts finer, so that each of its tokens is easier; `coarse` has learned more."""
    fine = named("fine", heldout_loss=3.0, heldout_unigram=4.5)
    coarse = named("coarse", heldout_loss=4.0, heldout_unigram=7.0)
    assert headline(Found(Path("out"), runs=[fine, coarse])).text.startswith("coarse reads context")


def test_many_runs_are_told_in_a_few_sentences() -> None:
    good = [named(f"a{i}", heldout_loss=4.0 + i / 10, heldout_unigram=7.0) for i in range(4)]
    flat = named("flat", heldout_loss=6.9, heldout_unigram=7.0)
    found = replace(league(line("t", 0.85, 0.80, 0.01)), runs=[*good, flat])
    said = [s.text for s in findings(found)]
    assert said[0].startswith("5 pretraining runs, 5,000 steps and 50K tokens in all.")
    assert said[1].startswith("4 of 5 runs read context: their held-out losses are 2.700 to 3.000 below")
    assert said[2].startswith("flat knows little more than word frequencies") and len(said) == 3
    going = good[0].manifest.model_copy(update={"state": "running"})
    live = replace(found, runs=[replace(good[0], manifest=going), *found.runs[1:]])
    assert "Still running: a0 (1,000 / 1,000) steps." in findings(live)[0].text
