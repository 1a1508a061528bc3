"""What the outside knows of an objective: its settings, its metrics and how they are shown, its files.

No torch here: recipes and reports read these records. The networks are behind `load`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from malmoi.config import Section
from malmoi.model.sizes import Arch, EncoderConfig
from malmoi.pretrain.data.masking import MaskingConfig

if TYPE_CHECKING:
    from malmoi.pretrain.objectives.protocol import Objective

Entry = Mapping[str, Any]
"""A line of the journal: metrics by name; those of the held-out text begin with `heldout_`."""


class ObjectiveConfig(Section):
    """The settings of an objective; `name` is its key in `OBJECTIVES`."""

    name: str


class MaskedConfig(ObjectiveConfig):
    """Those of an objective that predicts masked tokens; each has a default of its own."""

    masking: MaskingConfig


@dataclass(frozen=True, slots=True)
class PlottedMetric:
    """A number that `Objective.metrics` gives and reports plot, in training and on the held-out text.

    Attributes:
        name: in the journal, and `heldout_NAME` there.
        level: another name in the journal, drawn as a still line: what a model that knows little scores.
        beside: another name, drawn dashed: such a line where it moves.
        chance: what guessing gives.
        blind: up to here it says, late in training, that nothing is learned.
        zero: whether its axis begins at 0.
    """

    name: str
    level: str = ""
    beside: str = ""
    chance: float | None = None
    blind: float | None = None
    zero: bool = False


class Judge(Protocol):
    """An objective's own alarms, judged line by line of the journal."""

    def judge(self, entry: Entry, *, late: bool) -> Iterator[tuple[str, dict[str, Any]]]:
        """(code, values of its message) of what a training line shows. `late`: by now a run that learns
        anything has begun to."""
        ...


def no_more(folder: Path, encoder: EncoderConfig) -> dict[str, float]:
    """A checkpoint whose encoder says it all."""
    return {}


@dataclass(frozen=True, slots=True)
class ObjectiveKind:
    """One kind of objective.

    Attributes:
        title: what people call the model.
        config: the class of its settings.
        load: gives the class of the objective; imports torch.
        arch: layout of the encoder that is kept in the end.
        metrics: those that are plotted, in this order.
        headline: (abbreviation, metric): the one beside the loss in the progress bar.
        summary: the metrics of the table that ends a run.
        predicted: the metric that is a masked LM's loss, in nats, which word frequencies are compared with;
            None without a masked LM.
        judge: makes its `Judge`, one a run.
        folders: those of other models inside a checkpoint.
        shape: (checkpoint, its encoder) → fields of `[model]` that the encoder does not tell.
    """

    title: str
    config: type[ObjectiveConfig]
    load: Callable[[], type[Objective[Any]]]
    arch: Arch
    metrics: tuple[PlottedMetric, ...]
    headline: tuple[str, str]
    summary: tuple[str, ...] = ("loss",)
    predicted: str | None = None
    judge: Callable[[], Judge] | None = None
    folders: tuple[str, ...] = ()
    shape: Callable[[Path, EncoderConfig], dict[str, float]] = no_more

    @property
    def heldout(self) -> str:
        """The name in the journal of the held-out loss that shows how far a run is."""
        return f"heldout_{self.predicted or 'loss'}"


def unknown(name: str) -> ObjectiveKind:
    """The record of an objective that this version does not know: what all have."""

    def load() -> type[Objective[Any]]:
        raise LookupError(name)

    return ObjectiveKind(name, ObjectiveConfig, load, "bert", metrics=(), headline=("loss", "loss"))
