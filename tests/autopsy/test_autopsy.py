"""Bugs that are planted are found by the alarm that is there for them, and the healthy run sets off none."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from malmoi import messages
from malmoi.artifact.finished import MANIFEST
from malmoi.autopsy.bugs import BUGS, HEALTHY, RECIPE, choose_bugs
from malmoi.autopsy.run import VariantFinding, autopsy, judge, tells, write_findings
from malmoi.cli.autopsy import show_findings
from malmoi.cli.console import Console, use_console
from malmoi.cli.main import run
from malmoi.config import changed
from malmoi.errors import MalmoiError
from malmoi.league.table import LeagueLine
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.monitor.alarms import Watch
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.electra import ELECTRA
from tests.tiny.heard import Heard

MODEL = ModelConfig(layers=1, hidden=32, heads=2, generator_width=1.0, max_positions=32, dropout=0.0)
SMALL = RECIPE.model_copy(
    update={
        "objective": ElectraConfig(),  # at temperature 1 the generator hits the original now and then
        "batch_size": 8,
        "row_len": 32,
        "steps": 12,
        "log_every": 6,
        "heldout_every": 12,
        "heldout_rows": 8,
        "checkpoint_every": 12,
        "threads": 1,
    }
)
# The alarms that fire in the first updates, whatever was learned.
CERTAIN = {
    "untied": "MM0514",
    "half-tied": "MM0514",
    "labels": "MM0523",
    "random-tokens": "MM0524",
    "generator-only": "MM0528",
    "per-micro-batch": "MM0529",
    "wrong-save": "MM0530",
}


@pytest.fixture(scope="session")
def dissected(shards: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[VariantFinding]]:
    out = tmp_path_factory.mktemp("autopsy")
    return out, judge(autopsy(shards, out, list(CERTAIN), recipe=SMALL, model=MODEL))


def test_a_healthy_run_sets_off_nothing(dissected: tuple[Path, list[VariantFinding]]) -> None:
    healthy = dissected[1][0]
    assert (healthy.bug, healthy.alarms, healthy.refused, healthy.caught) == (HEALTHY, [], None, ())
    assert healthy.step == SMALL.steps
    assert healthy.generator_loss is not None and 0 < healthy.generator_loss < 6  # log 200 = 5.3


@pytest.mark.parametrize("bug", list(CERTAIN))
def test_each_bug_is_caught_by_its_alarm(dissected: tuple[Path, list[VariantFinding]], bug: str) -> None:
    found = next(one for one in dissected[1] if one.bug == bug)
    assert CERTAIN[bug] in found.caught
    if CERTAIN[bug] == "MM0514":
        assert found.refused == ("MM0514", 0) and found.step == 0
    else:
        assert dict(found.alarms)[CERTAIN[bug]] in range(SMALL.steps + 1)


def test_the_table_is_written_and_nothing_is_run_twice(
    dissected: tuple[Path, list[VariantFinding]], shards: Path
) -> None:
    out, found = dissected
    rows = json.loads(write_findings(out, found).read_text("utf-8"))
    assert [row["bug"] for row in rows] == [HEALTHY, *CERTAIN]
    assert rows[0]["caught"] == [] and rows[0]["auc"] == found[0].auc
    before = {path: path.stat().st_mtime_ns for path in out.glob(f"runs/*/{MANIFEST}")}
    heard = Heard()
    again = judge(autopsy(shards, out, ["labels"], recipe=SMALL, model=MODEL, reporter=heard))
    assert again == [one for one in found if one.bug in (HEALTHY, "labels")]
    assert [(key, values["name"]) for key, values in heard.said] == [
        ("autopsy.variant", "healthy"),
        ("autopsy.variant", "labels"),
    ]
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def _line(row: str, mean: float, new: float = 0.6) -> LeagueLine:
    return LeagueLine(
        row=row,
        task="nsmc",
        metric="accuracy",
        split="test",
        scored=400,
        mean=mean,
        sd=None,
        n=1,
        values=[mean],
        sampling_sd=(mean * (1 - mean) / 400) ** 0.5,
        best=False,
        against=None,
        difference=mean - new,
        difference_se=None,
    )


def test_a_low_score_catches_what_no_alarm_did_and_usual_alarms_catch_nothing(
    capsys: pytest.CaptureFixture[str],
) -> None:
    healthy = VariantFinding(HEALTHY, [("MM0526", 40)], None, 240, 4.0, 0.35, 0.39, 0.74)
    silent = replace(healthy, bug="weight-one")
    loud = replace(healthy, bug="labels", alarms=[("MM0526", 40), ("MM0523", 20)])
    # The standard error of the difference is .034 (400 rows at .70 and .62), three of them are .101.
    scores = {one.row: one for one in (_line(HEALTHY, 0.70), _line("weight-one", 0.62), _line("labels", 0.5))}
    found = judge([healthy, silent, loud], scores)
    assert [one.caught for one in found] == [(), (), ("MM0523", "probe")]
    found = judge([healthy, silent, loud], scores | {"weight-one": _line("weight-one", 0.59)})
    assert [one.caught for one in found] == [(), ("probe",), ("MM0523", "probe")]
    assert [one.score for one in found] == [0.70, 0.59, 0.5]
    assert tells(scores) and not tells(scores | {HEALTHY: _line(HEALTHY, 0.70, new=0.69)})
    untold = scores | {HEALTHY: _line(HEALTHY, 0.70, new=0.75), "weight-one": _line("weight-one", 0.3)}
    assert [one.caught for one in judge([healthy, silent], untold)] == [(), ()]
    use_console(Console("text"))
    show_findings(judge([healthy, silent, loud]))
    shown = capsys.readouterr().out
    assert "false alarm MM0526@40" in shown and "MM0523@20" in shown and "0.350 (0.390)" in shown
    assert "1 of 2 bugs caught. Not caught: weight-one" in shown


def test_samples_that_are_always_a_little_odd_are_told_by_their_median() -> None:
    # What noise made in fp16 gave, line by line; one healthy line far off in ten is nothing.
    fp16 = [0.54, 0.68, 0.69, 0.61, 0.70, 0.73, 0.74, 0.73, 0.74, 0.73]
    line = {
        "step": 20,
        "loss": 20.0,
        "grad_norm": 15.0,
        "drift": 0.0,
        "discriminator_auc": 0.7,
        "sample_accuracy": 0.2,
        "sampled_rate": 0.112,
        "replaced_rate": 0.112,
    }

    def told(surprises: list[float]) -> list[str]:
        watch = Watch(1000, ELECTRA)
        return [c for one in surprises for c, _ in watch.judge(line | {"sample_surprise": one})]

    assert told(fp16[:9]) == []
    assert told(fp16) == ["MM0524"]
    assert told([-one for one in fp16]) == ["MM0524"]
    assert told([0.05, -0.03, 0.70, 0.02] * 5) == []


def test_planted_settings_are_settings_of_the_recipe() -> None:
    for bug in BUGS.values():
        assert (changed(RECIPE, bug.settings, {}, "pretrain") == RECIPE) == (not bug.settings)


def test_bugs_are_chosen_by_name() -> None:
    assert choose_bugs(None) == list(BUGS)
    assert choose_bugs("labels, untied") == ["untied", "labels"]
    with pytest.raises(MalmoiError) as raised:
        choose_bugs("untied,typo")
    assert raised.value.code == "MM1101"
    assert raised.value.values["name"] == "typo"
    assert "untied, half-tied, mask-left" in raised.value.why


def test_every_bug_is_named_in_both_languages_and_every_alarm_names_a_bug_that_exists() -> None:
    catalog = messages.catalog()
    assert {key.removeprefix("autopsy.bug.") for key in catalog if key.startswith("autopsy.bug.")} == {
        HEALTHY,
        *BUGS,
    }
    named = {
        name
        for entry in catalog.values()
        for line in (entry["en"].values() if isinstance(entry["en"], dict) else [entry["en"]])
        for name in re.findall(r"autopsy --bugs ([\w,-]+)", line)
    }
    assert {name for names in named for name in names.split(",")} <= set(BUGS)
    assert {"untied", "labels", "wrong-save"} <= named


def test_the_verb_lists_and_refuses(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--lang", "en", "--json", "autopsy", "--list"]) == 0
    table = json.loads(capsys.readouterr().out.splitlines()[0])
    assert [row[0] for row in table["rows"]] == list(BUGS)
    assert run(["--lang", "en", "autopsy", "--bugs", "typo"]) == 2
    assert "there is no bug called typo" in capsys.readouterr().err


def test_the_verb_goes_all_the_way(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--lang", "en", "--json", "autopsy", "--bugs", "untied", "--steps", "2", "--out", str(tmp_path)]
    assert run(words) == 0
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    result = events[-1]
    assert result["event"] == "result"
    assert [row["bug"] for row in result["findings"]] == [HEALTHY, "untied"]
    assert result["findings"][1]["caught"] == ["MM0514"]
    assert json.loads((tmp_path / "autopsy.json").read_text("utf-8")) == result["findings"]
