"""Each alarm sounds at its threshold and not before, once a run, and is not repeated after a resume."""

from __future__ import annotations

import math
from typing import Any

import pytest

from malmoi import messages
from malmoi.errors import MalmoiError
from malmoi.pretrain.monitor.alarms import Watch
from malmoi.pretrain.objectives.electra import ELECTRA
from malmoi.pretrain.objectives.mlm import MLM

STEPS = 1000


def training(step: int = 400, **changed: Any) -> dict[str, Any]:
    """A line of a healthy ELECTRA run."""
    return {
        "step": step,
        "tokens": step * 100,
        "loss": 14.0,
        "generator_loss": 4.0,
        "discriminator_loss": 0.2,
        "generator_accuracy": 0.3,
        "sample_accuracy": 0.2,
        "sample_surprise": 0.05,
        "replaced_rate": 0.11,
        "sampled_rate": 0.11,
        "base_entropy": 0.35,
        "discriminator_auc": 0.85,
        "discriminator_precision": 0.7,
        "discriminator_recall": 0.4,
        "lr": 1e-4,
        "grad_norm": 1.0,
        "drift": 0.0,
    } | changed


def heldout(step: int = 400, **changed: Any) -> dict[str, Any]:
    return {
        "step": step,
        "tokens": step * 100,
        "heldout_loss": 14.0,
        "heldout_generator_loss": 4.0,
        "heldout_unigram": 6.0,
        "heldout_cls_cosine": 0.5,
    } | changed


def codes(watch: Watch, *entries: dict[str, Any]) -> list[str]:
    return [code for entry in entries for code, _ in watch.judge(entry)]


def test_a_healthy_run_is_silent() -> None:
    watch = Watch(STEPS, ELECTRA)
    assert (
        codes(watch, *(line for step in range(20, 1001, 20) for line in (training(step), heldout(step))))
        == []
    )


@pytest.mark.parametrize(
    ("code", "sounds", "silent"),
    [
        ("MM0521", training(discriminator_auc=0.599), training(discriminator_auc=0.6)),
        ("MM0522", training(discriminator_auc=0.9991), training(discriminator_auc=0.999)),
        ("MM0523", training(replaced_rate=0.1101), training(replaced_rate=0.11 + 1e-12)),
        ("MM0523", training(replaced_rate=0.1099), training(replaced_rate=0.11 - 1e-12)),
        ("MM0524", training(sample_surprise=0.751), training(sample_surprise=0.749)),
        ("MM0524", training(sample_surprise=-0.751), training(sample_surprise=-0.749)),
        ("MM0529", training(drift=1.01e-3), training(drift=0.99e-3)),
        ("MM0529", training(drift=-1.01e-3), training(drift=-0.99e-3)),
        ("MM0520", heldout(heldout_generator_loss=5.01), heldout(heldout_generator_loss=5.0)),
        ("MM0527", heldout(heldout_cls_cosine=0.991), heldout(heldout_cls_cosine=0.99)),
    ],
)
def test_thresholds(code: str, sounds: dict[str, Any], silent: dict[str, Any]) -> None:
    assert codes(Watch(STEPS, ELECTRA), silent) == []
    assert codes(Watch(STEPS, ELECTRA), sounds) == [code]
    watch = Watch(STEPS, ELECTRA)
    assert codes(watch, sounds, sounds | {"step": 600}) == [code], "once"


def test_a_masked_lm_is_judged_by_its_own_loss() -> None:
    line = heldout(heldout_loss=5.2)
    del line["heldout_generator_loss"]
    assert codes(Watch(STEPS, MLM), line) == ["MM0520"]
    assert codes(Watch(STEPS, MLM), line | {"heldout_loss": 4.9}) == []
    plain = {"step": 400, "loss": 5.0, "accuracy": 0.1, "grad_norm": 1.0, "drift": 0.0}
    assert codes(Watch(STEPS, MLM), plain) == []


@pytest.mark.parametrize(("steps", "first"), [(4000, 1000), (1000, 250), (400, 200), (40, 200)])
def test_what_needs_time_is_judged_after_a_quarter_and_200_steps(steps: int, first: int) -> None:
    ill = [
        training(discriminator_auc=0.5),
        heldout(heldout_generator_loss=6.0),
        heldout(heldout_cls_cosine=1.0),
    ]
    for line, code in zip(ill, ("MM0521", "MM0520", "MM0527"), strict=True):
        watch = Watch(steps, ELECTRA)
        assert codes(watch, line | {"step": first - 1}, line | {"step": first}) == [code]
        assert codes(Watch(steps, ELECTRA), line | {"step": first - 1}) == []
    assert codes(Watch(4000, ELECTRA), training(10, discriminator_auc=1.0)) == ["MM0522"], (
        "a leak shows at once"
    )


def test_a_spike_is_measured_from_the_lowest_loss() -> None:
    """One nat above the lowest, or a tenth of it where that is more."""
    for lowest, silent, loud in ((4.0, 4.99, 5.01), (30.0, 32.9, 33.1)):
        falling = [training(20, loss=lowest + 9), training(40, loss=lowest), training(60, loss=silent)]
        watch = Watch(STEPS, ELECTRA)
        assert codes(watch, *falling) == []
        assert codes(watch, training(80, loss=loud)) == ["MM0525"]


def test_an_explosion_is_measured_from_the_usual_norm() -> None:
    usual = [training(step, grad_norm=1.0 + step % 3 / 10) for step in range(1, 11)]
    assert codes(Watch(STEPS, ELECTRA), *usual[:9], training(10, grad_norm=1000.0)) == [], "ten lines first"
    assert codes(Watch(STEPS, ELECTRA), *usual, training(11, grad_norm=21.9)) == []
    assert codes(Watch(STEPS, ELECTRA), *usual, training(11, grad_norm=22.1)) == ["MM0526"]
    young = [training(step, grad_norm=100.0) for step in range(1, 61)]
    later = [training(step, grad_norm=1.0) for step in range(61, 121)]
    assert codes(Watch(STEPS, ELECTRA), *young, *later, training(121, grad_norm=50.0)) == ["MM0526"], (
        "of the last 50"
    )


def test_replaying_a_journal_neither_repeats_nor_forgets() -> None:
    """The journal of a run cut at step 60: its alarm is known, its lowest loss and norms are taken up."""
    journal: list[dict[str, Any]] = [training(step, loss=4.0) for step in range(5, 61, 5)]
    journal.append({"step": 60, "tokens": 6000, "alarm": "MM0529", "values": {"drift": "+1.00%"}})
    watch = Watch(STEPS, ELECTRA)
    watch.replay(journal)
    assert watch.lowest == 4.0 and len(watch.norms) == 12 and watch.fired == {"MM0529"}
    assert codes(watch, training(65, loss=4.0, drift=0.5)) == []
    assert codes(watch, training(70, loss=5.1)) == ["MM0525"]
    assert codes(watch, training(75, loss=4.0, grad_norm=30.0)) == ["MM0526"]
    before = Watch(STEPS, ELECTRA)
    before.replay([training(400, discriminator_auc=0.5)])
    assert codes(before, training(420, discriminator_auc=0.5)) == [], "what the line set off was told then"


def test_nan_free_edges() -> None:
    """A generator that is always right replaces nothing; the unigram loss of an old run may be NaN."""
    perfect = training(sample_accuracy=1.0, sampled_rate=0.0, replaced_rate=0.0, discriminator_auc=0.7)
    assert codes(Watch(STEPS, ELECTRA), perfect) == []
    assert codes(Watch(STEPS, ELECTRA), heldout(heldout_unigram=math.nan)) == []


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (
            training(discriminator_auc=0.512),
            "AUC 0.512, loss 0.200; knowing the replaced rate alone gives 0.350",
        ),
        (training(drift=0.021), "differs from the whole batch's loss by +2.10%"),
        (training(sample_surprise=1.5), "surprise +1.50 nats"),
        (
            training(replaced_rate=0.06),
            "0.0600 of the tokens count as replaced; the generator's samples give 0.1100",
        ),
        (heldout(heldout_generator_loss=6.25), "Held-out loss 6.25; frequencies alone give 6.00"),
        (heldout(heldout_cls_cosine=0.9999), "mean cosine 0.9999"),
    ],
)
@pytest.mark.parametrize("language", ["ko", "en"])
def test_the_sentences(line: dict[str, Any], told: str, language: str) -> None:
    """Every value the catalog's sentence names is there, in both languages."""
    messages.set_language(language)
    [(code, values)] = Watch(STEPS, ELECTRA).judge(line)
    error = MalmoiError(code, "run", step=line["step"], **values)
    if language == "en":
        assert error.what.startswith("step 400: ") and told in error.what
    for value in values.values():
        assert str(value) in error.what
