"""ELECTRA's own alarms. Its commonest failure is a falling loss and a fine-tuning score at chance.

Thresholds come with the measurement that set them.
"""

from __future__ import annotations

from collections.abc import Iterator
from statistics import median
from typing import Any

from malmoi.codes import Code
from malmoi.pretrain.objectives.kind import Entry

# A discriminator with a bug or without a signal stays at .50 to .52; the sample's run passes .7 in 500 steps.
BLIND = 0.6
# Telling every replaced token means that the replacement shows by itself ([MASK] left in the input).
CLAIRVOYANT = 0.999
# Nats by which samples are less likely than the generator's own entropy. A healthy run has 0 ± .05 a line
# (1,280 samples), .14 if every step is logged; argmax -2.7 to -3.0; noise made in fp16 .54 to .78, which is
# too near the first bound, so the median of ten lines is held to a tighter one.
ODD_SAMPLES = 0.75
OFTEN_ODD = 0.4
MISCOUNT = 1e-9  # both rates are counts of tokens over the same tokens: equal, or wrong


class ElectraJudge:
    """Judges the training lines of one run."""

    def __init__(self) -> None:
        self.surprises: list[float] = []

    def judge(self, entry: Entry, *, late: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        auc = entry["discriminator_auc"]
        if late and auc < BLIND:
            shown = {"loss": f"{entry['discriminator_loss']:.3f}", "base": f"{entry['base_entropy']:.3f}"}
            yield Code.DISCRIMINATOR_BLIND, {"auc": f"{auc:.3f}"} | shown
        if auc > CLAIRVOYANT:
            yield Code.DISCRIMINATOR_KNOWS_ALL, {"auc": f"{auc:.4f}"}
        self.surprises = [*self.surprises, entry["sample_surprise"]][-10:]
        usual = median(self.surprises) if len(self.surprises) == 10 else 0.0
        for surprise, bound in ((entry["sample_surprise"], ODD_SAMPLES), (usual, OFTEN_ODD)):
            if abs(surprise) > bound:
                yield Code.SAMPLES_NOT_THE_GENERATORS, {"surprise": f"{surprise:+.2f}"}
        expected = entry["sampled_rate"]
        if abs(entry["replaced_rate"] - expected) > MISCOUNT:
            found = {"replaced": f"{entry['replaced_rate']:.4f}", "expected": f"{expected:.4f}"}
            yield Code.WRONG_REPLACED_RATE, found
