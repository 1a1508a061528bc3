"""What the host does for a step: operators it launches and moments it waits for the device, by cause.

Counted on a CPU, where every operator passes the same dispatcher as on a GPU. A wait is an operator whose
result the host reads (`.item()`, `bool(tensor)`, `nonzero`): on a GPU it stands still until all is done that
was launched before. What only a CPU does (its own dropout, a look at whether rows need a mask) is apart.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from malmoi.model import attention, encoder
from malmoi.pretrain.loop import Trainer
from malmoi.pretrain.objectives.electra import sampling
from malmoi.training.step import TrainingStep

WAITS = ("_local_scalar_dense", "equal", "nonzero", "masked_select", "is_nonzero", "_unique2", "item")
# They only describe memory in another way.
FREE = ("view", "t", "transpose", "unsqueeze", "squeeze", "expand", "detach", "alias", "slice", "select")
FREE += ("unbind", "split", "permute", "as_strided", "_unsafe_view", "reshape", "empty", "empty_like")
CPU_ONLY = "only on a CPU"


@dataclass
class Launches(TorchDispatchMode):
    """Counts while it is entered. `launched` and `waited`: cause → operators."""

    launched: Counter[str] = field(default_factory=Counter)
    waited: Counter[str] = field(default_factory=Counter)
    cause: str = "rest"
    steps: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name in WAITS:
            self.waited[self.cause] += 1
        elif name not in FREE:
            self.launched[self.cause] += 1
        return func(*args, **(kwargs or {}))

    @contextmanager
    def of(self, cause: str) -> Iterator[None]:
        before, self.cause = self.cause, cause if self.cause != CPU_ONLY else CPU_ONLY
        try:
            yield
        finally:
            self.cause = before

    def named(self, cause: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """`work`, whose operators are counted under `cause`."""

        def counted(*args: Any, **options: Any) -> Any:
            with self.of(cause):
                return work(*args, **options)

        return counted


@contextmanager
def counted(quiet: Callable[[int], bool]) -> Iterator[Launches]:
    """Count the steps for whose number `quiet` is true: those after which no number is logged."""
    launches = Launches()
    update, after = Trainer._train, Trainer._after

    def counted_update(self: Trainer[Any], *args: Any) -> None:
        if not quiet(self.step + 1):
            return update(self, *args)
        launches.steps += 1
        with launches, launches.of("forward"):
            return update(self, *args)

    def counted_after(self: Trainer[Any], *args: Any) -> None:
        if not quiet(self.step):
            return after(self, *args)
        with launches, launches.of("after the step"):
            return after(self, *args)

    with ExitStack() as stack:
        for owner, name, work in (
            (Trainer, "_train", counted_update),
            (Trainer, "_after", counted_after),
            (torch.Tensor, "backward", launches.named("backward", torch.Tensor.backward)),
            (nn.utils, "get_total_norm", launches.named("clipping", nn.utils.get_total_norm)),
            (nn.utils, "clip_grads_with_norm_", launches.named("clipping", nn.utils.clip_grads_with_norm_)),
            (TrainingStep, "_is_short", launches.named(CPU_ONLY, TrainingStep._is_short)),
            (torch.optim.AdamW, "step", launches.named("optimizer", torch.optim.AdamW.step)),
            (encoder, "dropout", launches.named(CPU_ONLY, encoder.dropout)),
            (attention, "row_mask", launches.named(CPU_ONLY, attention.row_mask)),
            (sampling, "IN_CACHE", 2**62),  # a CPU samples piece by piece
        ):
            stack.enter_context(patch.object(owner, name, work))
        yield launches
