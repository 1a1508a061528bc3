"""The training loop: steps, metrics, held-out loss, checkpoints; nothing else.

Whether a step's loss was finite is looked at where a number is logged, at the latest `ahead` steps later: a
GPU never waits for Python to hear how the last step went.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Generator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Generic, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from malmoi.codes import Code
from malmoi.device import matmul_rate
from malmoi.errors import MalmoiError
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
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.pretrain.objectives.protocol import MicroBatch, Objective, add_counts
from malmoi.progress import Reporter, Step
from malmoi.training.optimizer import Optimizer, parameter_groups
from malmoi.training.schedules import learning_rate
from malmoi.training.signals import StopRequest
from malmoi.training.step import Done, Loss, TrainingStep, add, autocast
from malmoi.training.throughput import Speed

B = TypeVar("B", bound=MicroBatch)


AHEAD = 100  # steps of a GPU whose outcome nobody has looked at, at most


@dataclass(frozen=True, slots=True)
class Unseen:
    """A step whose outcome nobody has looked at."""

    done: Done
    tokens: int
    learning_rate: float


def steps_ahead(device: torch.device) -> int:
    """How many steps may go by before their outcome is looked at. On a CPU looking costs nothing."""
    return 1 if device.type == "cpu" else AHEAD


@dataclass
class Trainer(Generic[B]):
    """One process's share of a run. `train` goes from `state.step` to `config.steps`."""

    config: PretrainConfig
    objective: Objective[B]
    feed: Feed[B]
    heldout: list[B]
    unigram: float | None
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
        groups = parameter_groups(self.objective, settings.weight_decay)
        self.optimizer = Optimizer(self.objective, settings, groups)
        self.kind = OBJECTIVES[self.config.objective.name]
        self.watch = Watch(self.config.steps, self.kind)
        self._step = TrainingStep(
            self.objective, self.optimizer, clip=self.config.clip, device=self.device, dtype=self.dtype
        )
        self._unseen: list[Unseen] = []  # the steps after `state`
        self._saved = 0  # the step of the newest checkpoint
        self._proven = False  # whether a checkpoint of this process was read back
        if self.config.compile:
            for module in self.objective.modules():
                if isinstance(module, nn.ModuleList):
                    for block in module:
                        block.compile(dynamic=False)

    def resume(self, checkpoint: Path) -> None:
        """Take up the state of a checkpoint whose weights are in `objective` already."""
        # What a kill kept the last save from removing.
        remove_oldest(self.run, self.config.keep, self.milestones)
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
                self._train(batches, journal)
                speed.count(self._unseen[-1].tokens)
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
        """Steps made, those that nobody has looked at too."""
        return self.state.step + len(self._unseen)

    def _after(self, journal: Journal, speed: Speed, bar: Step) -> None:
        """Metrics, held-out loss and checkpoint that are due after this step."""
        config, step = self.config, self.step
        last = step == config.steps
        log = step % config.log_every == 0 or last
        score = bool(self.heldout) and (step % config.heldout_every == 0 or last)
        save = step % config.checkpoint_every == 0 or step in self.milestones or last
        detail = ""
        if log or score or save or len(self._unseen) >= self.ahead:
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

    def _train(self, batches: list[B], journal: Journal) -> None:
        """One step over a global batch, which does nothing where the loss is not finite."""
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

        def loss_of(i: int, batch: B) -> Loss:
            # For dropout, which alone uses torch's generator; on a CPU the first seed serves all.
            torch.manual_seed(int(random_bits(config.seed, step, i) >> 1))
            return self._loss(batch, counts)

        done = self._step([partial(loss_of, i, batch) for i, batch in enumerate(batches)], rate, step)
        if step == 0 and (idle := idle_weights(self.objective)) and self.watch.first(Code.NO_GRADIENT):
            self._alarm(journal, Code.NO_GRADIENT, {"count": len(idle), "names": ", ".join(idle[:3])})
        self._unseen.append(Unseen(done, sum(batch.tokens for batch in batches), rate))

    def _loss(self, batch: B, counts: dict[str, float]) -> Loss:
        loss: Loss = self.objective(batch.to(self.device), counts)
        return loss

    def _look(self, journal: Journal) -> None:
        """Take the steps that are done into `state`: the moment that waits for the device.

        Raises MM0509 at the first that was not finite: weights and moments are still those before it.
        """
        unseen, self._unseen = self._unseen, []
        halted = bool(unseen) and bool(unseen[-1].done.halted.item())
        for one in unseen:
            if halted and one.done.halted.item():
                self._save(journal)
                self._raise_nonfinite(one.learning_rate)
            state = self.state
            self.state = TrainState(state.step + 1, state.tokens + one.tokens, add(state.sums, one.done.sums))
            self._newest = one

    def _log(self, journal: Journal, speed: Speed) -> str:
        """`drift`: how far the loss sent backwards in the newest step is from the one its sums give."""
        newest = self._newest.done
        means = self.objective.metrics(self.state.sums)
        drift = newest.total.item() / self.objective.metrics(newest.sums)["loss"] - 1
        last = {"lr": self._newest.learning_rate, "grad_norm": newest.norm.item(), "drift": drift}
        clock = speed.clock(self.state.step, self.config.steps)
        self._write(journal, "train", means | last, clock)
        self.state = TrainState(self.state.step, self.state.tokens, {})
        short, headline = self.kind.headline
        return (
            f"loss {means['loss']:.3f} {short} {means[headline]:.3f}"
            f"{self._heldout_line} {clock['tokens_per_s']:,.0f} tok/s MFU {clock['mfu']:.0%}"
        )

    @torch.no_grad()
    def _score(self, journal: Journal) -> None:
        """The held-out loss: the same rows, masks and samples every time, at 15 % whatever the training rate;
        beside it what word frequencies would score and how alike different texts look to the encoder."""
        self.objective.eval()
        counts = add_counts(self.heldout)
        sums: dict[str, Tensor] = {}
        with autocast(self.device, self.dtype):
            for batch in self.heldout:
                sums = add(sums, self._loss(batch, counts).sums)
            cosine = first_token_cosine(self.objective.saved_encoder, self.heldout, self.device)
        means = {f"heldout_{name}": value for name, value in self.objective.metrics(sums).items()}
        means |= {"heldout_unigram": self.unigram} if self.unigram is not None else {}
        means |= {"heldout_cls_cosine": cosine}
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
        if pairs := untied(self.objective, self.objective.tied_parameters):
            raise MalmoiError(Code.TIES_BROKEN, self.run, pairs=", ".join(pairs))

    def _save(self, journal: Journal) -> None:
        if self.state.step == self._saved:
            return
        journal.sync()
        checkpoint = save_checkpoint(
            self.run,
            self.state,
            self.objective.write,
            self.optimizer.tensors(),
            self.tokenizer,
            keep=self.config.keep,
            milestones=self.milestones,
        )
        self._saved = self.state.step
        if not self._proven:
            self._proven = True
            lost = lost_weights(self.objective, checkpoint)
            if lost and self.watch.first(Code.CHECKPOINT_DIFFERS):
                self._alarm(
                    journal, Code.CHECKPOINT_DIFFERS, {"count": len(lost), "names": ", ".join(lost[:3])}
                )

    def _raise_nonfinite(self, rate: float) -> NoReturn:
        """Stop before the step and name the rows with a non-finite loss (all, if only gradients are)."""
        numbers: list[int] = []
        batches = self.feed.batch(self.state.step)
        counts = add_counts(batches)
        for batch in batches:
            for number in batch.rows_R.tolist():
                one = self.feed.one(number)
                with torch.no_grad(), autocast(self.device, self.dtype):
                    value = self._loss(one, counts).total
                if not math.isfinite(value.item()):
                    numbers.append(number)
        numbers = numbers or [n for batch in batches for n in batch.rows_R.tolist()]
        places = ", ".join(self.feed.source(number) for number in numbers[:4])
        raise MalmoiError(
            Code.NONFINITE_LOSS,
            self.run,
            step=self.state.step + 1,
            rows=", ".join(map(str, numbers[:8])) + (" …" if len(numbers) > 8 else ""),
            places=places,
            rate=f"{rate:.2g}",
        )
