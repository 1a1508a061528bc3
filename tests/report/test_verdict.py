"""What a report claims, and what it must not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from malmoi.artifact.finished import FileRecord, Manifest
from malmoi.league.gains import judge
from malmoi.report.curves import Curves, Series
from malmoi.report.folder import Found, League, PretrainRun, StageFolder, with_ps
from malmoi.report.scores import tasks
from malmoi.report.verdict import findings, headline


def run(*, steps: int = 1000, step: int = 1000, objective: str = "mlm", **last: float) -> PretrainRun:
    series = {
        name: Series(np.array([step]), np.array([step * 10]), np.array([value]))
        for name, value in last.items()
    }
    config = {"pretrain": {"objective": objective, "steps": steps}, "model": {"size": "tiny"}}
    counts = {"shards": "s", "objective": "mlm", "parameters": 9, "precision": "float32", "milestones": []}
    manifest = Manifest(stage="pretrain", state="finished", key="", config=config, counts=counts)
    return PretrainRun("pretrain", Path("pretrain"), manifest, Curves(series, [], step, step * 10), [])


def line(
    task: str,
    mean: float,
    base: float | None,
    error: float | None,
    row: str = "ours",
    metric: str = "accuracy",
) -> dict[str, Any]:
    """Three seeds that differ by `error` from one to the next; one seed without it."""
    return {
        "row": row,
        "task": task,
        "metric": metric,
        "mean": mean,
        "sd": error,
        "best": False,
        "split": "test",
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
        line(x["task"], x["mean"] - x["difference"], None, x["difference_se"], x["against"], x["metric"])
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
    expected = "ours is 5.0 points better than the same model without it (±1.0, 3 seeds, p = 0.004)."
    assert one.text == f"Pretraining helps on nsmc: {expected}"
    worse = headline(league(line("nsmc", 0.75, 0.80, 0.01)))
    assert worse.tone == "bad" and "is 5.0 points worse" in worse.text
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
    assert "better is 10.0 points better" in headline(found).text


def test_of_errors_the_smaller_helps() -> None:
    lines = [
        line("stars", 0.62, 0.8, 0.01, metric="rmse"),
        line("stars", 0.95, 0.8, 0.01, "worse", metric="rmse"),
        line("stars", 0.5, None, None, "characters", metric="rmse"),
    ]
    help, bar = headline(league(*lines)), findings(league(*lines))[0]
    expected = "ours is 0.180 points better than the same model without it (±0.010, 3 seeds, p < 0.001)."
    assert (help.tone, help.text) == ("good", f"Pretraining helps on stars: {expected}")
    assert (bar.tone, bar.text.partition(":")[0]) == (
        "bad",
        "ours is 0.120 points worse than the character n-gram baseline (0.500)",
    )
    (table,) = tasks(league(*lines).league or League(None, [], [], []))
    assert table.metric == "RMSE"
    ours, worse, characters = table.rows[:3]
    assert (ours.score, ours.gain, ours.outcome, worse.outcome) == ("0.620", "−0.180", "helps", "hurts")
    assert worse.mean < ours.mean < characters.mean == table.bar  # the better, the further right
    assert ours.low < ours.mean < ours.high and float(table.ends[0]) > float(table.ends[1])


def test_the_character_baseline_is_always_named() -> None:
    lines = [line("a", 0.85, 0.80, 0.01), line("a", 0.88, None, None, "characters")]
    said = findings(league(*lines))
    assert [s.tone for s in said] == ["bad"]
    assert said[0].text.startswith("ours is 3.0 points worse than the character n-gram baseline (88.0)")
    both = findings(league(*lines, line("b", 0.85, 0.80, 0.01)))
    assert both[0].tone == "warn"
    assert "points worse than the character" in both[0].text  # helps, yet is not needed


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
            "Discriminator's AUC is 0.51; guessing is 0.5",
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


def two_vocabularies(tmp_path: Path, *runs: PretrainRun) -> Found:
    """Each run reads shards of its own name."""
    shards, placed = [], []
    for number, run_ in enumerate(runs):
        files = {"ids.npy": FileRecord(sha256=str(number), size=1, mtime_ns=1, inode=1)}
        made = Manifest(stage="shards", state="finished", key="", config={}, files=files)
        folder = tmp_path / "shards" / run_.name
        folder.mkdir(parents=True)
        (folder / "manifest.json").write_text(made.model_dump_json(), "utf-8")
        shards.append(StageFolder(folder, made, name=run_.name))
        rows = tmp_path / run_.name / "rows" / made.digest[:16]
        rows.mkdir(parents=True)
        placed.append(replace(run_, folder=tmp_path / run_.name))
    return Found(tmp_path, shards=shards, runs=placed)


def test_no_run_is_the_best_across_vocabularies(tmp_path: Path) -> None:
    """`fine` cuts finer, so that each of its tokens is easier; `coarse` may have learned more, or not."""
    fine = named("fine", heldout_loss=3.0, heldout_unigram=4.5)
    coarse = named("coarse", heldout_loss=4.0, heldout_unigram=7.0)
    flat = named("flat", heldout_loss=6.9, heldout_unigram=7.0)
    found = two_vocabularies(tmp_path, fine, coarse, flat)
    assert found.vocabularies() == {"fine": "fine", "coarse": "coarse", "flat": "flat"}
    said = headline(found)
    assert said.tone == "plain"
    assert said.text == (
        "2 of 3 runs read context. Their vocabularies differ, and so do their tokens: losses cannot be "
        "compared, scores on tasks can."
    )
    alike = headline(Found(Path("out"), runs=[fine, coarse]))
    assert alike.text.startswith("coarse reads context"), "of one vocabulary"


def test_pretrainings_are_told_in_place_of_seeds() -> None:
    pooled = line("t", 0.85, 0.80, 0.01) | {"pooled": ["ours-0", "ours-1", "ours-2"], "tunings": 2}
    told = headline(league(pooled)).text
    assert "(±1.0, 3 pretrainings, each fine-tuned 2×, p = 0.004)" in told


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
