"""The training loop: micro-batches, one update, metrics, held-out loss, checkpoints; nothing else.

A step asks the device for nothing. Whether its loss was finite decides on the device whether the weights
move, and is looked at where a number is logged, at the latest `ahead` steps later: a GPU never waits for
Python to hear how the last step went.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from malmoi.device import matmul_rate
from malmoi.errors import MalmoiError
from malmoi.model.dropout import one_update
from malmoi.pretrain.checkpoint import (
    TrainState,
    read_moments,
    read_state,
    remove_oldest,
    save_checkpoint,
)
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.data.batches import Feed
from malmoi.pretrain.data.feeder import processes, stream
from malmoi.pretrain.data.random_bits import random_bits
from malmoi.pretrain.monitor.alarms import Watch
from malmoi.pretrain.monitor.journal import Journal
from malmoi.pretrain.monitor.probes import first_token_cosine, idle_weights, lost_weights, untied
from malmoi.pretrain.objectives.protocol import MicroBatch, Objective
from malmoi.progress import Reporter, Step
from malmoi.training.optimizer import Optimizer, parameter_groups
from malmoi.training.schedules import learning_rate
from malmoi.training.signals import StopRequest
from malmoi.training.throughput import Speed

B = TypeVar("B", bound=MicroBatch)


AHEAD = 100  # steps of a GPU whose outcome nobody has looked at, at most


@dataclass(frozen=True, slots=True)
class Done:
    """What a step leaves on the device, to be looked at later.

    `halted`: 1.0 where this step's loss or gradient, or one's before it, is not finite. From that step on no
    update changes weights or moments.
    """

    tokens: int
    sums: dict[str, Tensor]
    total: Tensor
    norm: Tensor
    rate: float
    halted: Tensor


def steps_ahead(device: torch.device) -> int:
    """How many steps may go by before their outcome is looked at. On a CPU looking costs nothing."""
    return 1 if device.type == "cpu" else AHEAD


def add(sums: dict[str, Tensor], more: dict[str, Tensor]) -> dict[str, Tensor]:
    """Sums of the same names, on the device of the newer ones (a checkpoint's are on the CPU)."""
    return {name: sums[name].to(part.device) + part if name in sums else part for name, part in more.items()}


def add_counts(batches: Sequence[MicroBatch]) -> dict[str, float]:
    """The counts of a whole global batch."""
    return {name: sum(batch.counts[name] for batch in batches) for name in batches[0].counts}


@dataclass
class Trainer(Generic[B]):
    """One process's share of a run. `train` goes from `state.step` to `config.steps`."""

    config: PretrainConfig
    model: nn.Module
    objective: Objective[B]
    feed: Feed[B]
    heldout: list[B]
    unigram: float
    run: Path
    tokenizer: Path
    milestones: frozenset[int]
    device: torch.device
    dtype: torch.dtype
    reporter: Reporter
    stop: StopRequest
    ahead: int = 1
    state: TrainState = field(default_factory=lambda: TrainState(0, 0, {}))

    def __post_init__(self) -> None:
        settings = self.config.optimizer
        groups = parameter_groups(self.model, settings.weight_decay)
        self.optimizer = Optimizer(self.model, settings, groups)
        self.watch = Watch(self.config.steps)
        self._parameters = list(self.model.parameters())
        self._done: list[Done] = []  # the steps after `state`
        self._halted = torch.zeros((), device=self.device)
        self._saved = 0  # the step of the newest checkpoint
        self._proven = False  # whether a checkpoint of this process was read back
        if self.config.compile:
            for module in self.model.modules():
                if isinstance(module, nn.ModuleList):
                    for block in module:
                        block.compile(dynamic=False)

    def resume(self, checkpoint: Path) -> None:
        """Take up the state of a checkpoint whose weights are in `model` already."""
        remove_oldest(
            self.run, self.config.keep, self.milestones
        )  # what a kill kept the last save from removing
        self.state = read_state(checkpoint)
        self.optimizer.restore(read_moments(checkpoint), self.state.step)

    def train(self, journal: Journal) -> None:
        """Raises MM0509 on a non-finite loss or gradient, before the update, with everything saved; MM0514
        where weights that must be one are not."""
        config, first = self.config, self.state.step
        self._saved = first
        self.watch.replay(journal.kept)
        self._check_tied()
        peak = matmul_rate(self.device, self.dtype)
        cost = self.objective.flops_per_token(config.row_len, config.mask_rate)
        speed = Speed(cost, peak, first)
        self._heldout_line = ""
        with (
            self.reporter.step("pretrain.steps", total=config.steps, unit="step") as bar,
            contextlib.closing(self._batches(first)) as batches_of_steps,
        ):
            bar.skip(first)
            speed.resume()
            for batches in batches_of_steps:
                self._update(batches, journal)
                speed.count(self._done[-1].tokens)
                self._after(journal, speed, bar)
                if self.stop.number is not None:
                    break
        if self.stop.number is not None:
            self._look(journal)
            self._save(journal)

    def _batches(self, first: int) -> Generator[list[B]]:
        """The global batches from `first` on."""
        last, how = self.config.steps, self.config.feed
        if how == "process" or (how == "auto" and self.device.type != "cpu"):
            warn = partial(self.reporter.warn, where=str(self.run))
            return stream(self.feed, first, last, self.device, warn=warn, processes=processes())
        return self.feed.stream(first, last)

    @property
    def step(self) -> int:
        """Updates made, those that nobody has looked at too."""
        return self.state.step + len(self._done)

    def _after(self, journal: Journal, speed: Speed, bar: Step) -> None:
        """Metrics, held-out loss and checkpoint that are due after this step."""
        config, step = self.config, self.step
        last = step == config.steps
        log = step % config.log_every == 0 or last
        score = bool(self.heldout) and (step % config.heldout_every == 0 or last)
        save = step % config.checkpoint_every == 0 or step in self.milestones or last
        detail = ""
        if log or score or save or len(self._done) >= self.ahead:
            self._look(journal)
        if log:
            detail = self._log(journal, speed)
        speed.pause()
        if score:
            self._score(journal)
        if save:
            self._save(journal)
        speed.resume()
        bar.advance(1, detail)

    def _update(self, batches: list[B], journal: Journal) -> None:
        """One optimizer step over a global batch, which does nothing where the loss is not finite."""
        config, step = self.config, self.step
        rate = learning_rate(
            step,
            config.steps,
            peak=config.lr,
            schedule=config.schedule,
            warmup=config.warmup,
            warmup_steps=config.warmup_steps,
        )
        counts = add_counts(batches)
        if not self.model.training:
            self.model.train()
        sums: dict[str, Tensor] = {}
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        with one_update() as update:
            for i, batch in enumerate(batches):
                # For dropout, which alone uses torch's generator; on a CPU the first seed serves all.
                torch.manual_seed(int(random_bits(config.seed, step, i) >> 1))
                update.begin()
                with self._autocast():
                    loss = self.objective.loss(self.model, batch.to(self.device), counts)  # type: ignore[arg-type]
                loss.total.backward()  # type: ignore[no-untyped-call]
                sums = add(sums, loss.sums)
                total += loss.total.detach()
        norm = nn.utils.clip_grad_norm_(self._parameters, config.clip or math.inf).double()
        self._halted = torch.maximum(self._halted, (~torch.isfinite(norm + total)).float())
        if step == 0 and (idle := idle_weights(self.model)) and self.watch.first("MM0528"):
            self._alarm(journal, "MM0528", {"count": len(idle), "names": ", ".join(idle[:3])})
        self.optimizer.step(rate, step, halted=self._halted)
        self.optimizer.zero_grad()
        tokens = sum(batch.tokens for batch in batches)
        self._done.append(Done(tokens, sums, total, norm, rate, self._halted))

    def _look(self, journal: Journal) -> None:
        """Take the steps that are done into `state`: the moment that waits for the device.

        Raises MM0509 at the first that was not finite: weights and moments are still those before it.
        """
        done, self._done = self._done, []
        halted = bool(done) and bool(done[-1].halted.item())
        for one in done:
            if halted and one.halted.item():
                self._save(journal)
                self._raise_nonfinite(one)
            state = self.state
            self.state = TrainState(state.step + 1, state.tokens + one.tokens, add(state.sums, one.sums))
            self._newest = one

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def _log(self, journal: Journal, speed: Speed) -> str:
        """`drift`: how far the loss sent backwards in the newest step is from the one its sums give."""
        newest = self._newest
        means = self.objective.metrics(self.state.sums)
        drift = newest.total.item() / self.objective.metrics(newest.sums)["loss"] - 1
        last = {"lr": newest.rate, "grad_norm": newest.norm.item(), "drift": drift}
        clock = speed.clock(self.state.step, self.config.steps)
        self._write(journal, "train", means | last, clock)
        self.state = TrainState(self.state.step, self.state.tokens, {})
        told = "discriminator_auc" if "discriminator_auc" in means else "accuracy"
        return (
            f"loss {means['loss']:.3f} {told.removeprefix('discriminator_')[:3]} {means[told]:.3f}"
            f"{self._heldout_line} {clock['tokens_per_s']:,.0f} tok/s MFU {clock['mfu']:.0%}"
        )

    @torch.no_grad()
    def _score(self, journal: Journal) -> None:
        """The held-out loss: the same rows, masks and samples every time, at 15 % whatever the training rate;
        beside it what word frequencies would score and how alike different texts look to the encoder."""
        self.model.eval()
        counts = add_counts(self.heldout)
        sums: dict[str, Tensor] = {}
        with self._autocast():
            for batch in self.heldout:
                loss = self.objective.loss(self.model, batch.to(self.device), counts)  # type: ignore[arg-type]
                sums = add(sums, loss.sums)
            cosine = first_token_cosine(self.objective.saved_encoder(self.model), self.heldout, self.device)
        means = {f"heldout_{name}": value for name, value in self.objective.metrics(sums).items()}
        means |= {"heldout_unigram": self.unigram, "heldout_cls_cosine": cosine}
        self._write(journal, "heldout", means)
        self._heldout_line = f" held-out {means['heldout_loss']:.3f}"

    def _write(
        self, journal: Journal, event: str, means: dict[str, float], clock: dict[str, float] | None = None
    ) -> None:
        """A line of the journal, and the alarms it sets off."""
        entry = {"step": self.state.step, "tokens": self.state.tokens} | means
        journal.write(**entry, **({"clock": clock} if clock else {}))
        self.reporter.record(event, **entry, **(clock or {}))
        for code, values in self.watch.judge(entry):
            self._alarm(journal, code, values)

    def _alarm(self, journal: Journal, code: str, values: dict[str, Any]) -> None:
        journal.write(step=self.state.step, tokens=self.state.tokens, alarm=code, values=values)
        self.reporter.warn(code, str(self.run), step=self.state.step, **values)

    def _check_tied(self) -> None:
        if pairs := untied(self.model, self.objective.tied_parameters(self.model)):
            raise MalmoiError("MM0514", self.run, pairs=", ".join(pairs))

    def _save(self, journal: Journal) -> None:
        if self.state.step == self._saved:
            return
        journal.sync()
        checkpoint = save_checkpoint(
            self.run,
            self.state,
            lambda folder: self.objective.write(folder, self.model),
            self.optimizer.tensors(),
            self.tokenizer,
            keep=self.config.keep,
            milestones=self.milestones,
        )
        self._saved = self.state.step
        if not self._proven:
            self._proven = True
            lost = lost_weights(self.objective, self.model, checkpoint)
            if lost and self.watch.first("MM0530"):
                self._alarm(journal, "MM0530", {"count": len(lost), "names": ", ".join(lost[:3])})

    def _raise_nonfinite(self, fault: Done) -> NoReturn:
        """Stop before the update and name the rows with a non-finite loss (all, if only gradients are)."""
        numbers: list[int] = []
        batches = self.feed.batch(self.state.step)
        counts = add_counts(batches)
        for batch in batches:
            for number in batch.rows_R.tolist():
                one = self.feed.one(number)
                with torch.no_grad(), self._autocast():
                    value = self.objective.loss(self.model, one.to(self.device), counts).total  # type: ignore[arg-type]
                if not math.isfinite(value.item()):
                    numbers.append(number)
        numbers = numbers or [n for batch in batches for n in batch.rows_R.tolist()]
        places = ", ".join(self.feed.source(number) for number in numbers[:4])
        raise MalmoiError(
            "MM0509",
            self.run,
            step=self.state.step + 1,
            rows=", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else ""),
            places=places,
            rate=f"{fault.rate:.2g}",
        )
