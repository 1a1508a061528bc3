"""The training loop: micro-batches, one update, metrics, held-out loss, checkpoints; nothing else."""

from __future__ import annotations

import contextlib
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn

from malmoi.device import matmul_rate
from malmoi.errors import MalmoiError
from malmoi.model.sizes import EncoderConfig, flops_per_token
from malmoi.pretrain.checkpoint import TrainState, read_moments, read_state, remove_oldest, save_checkpoint
from malmoi.pretrain.config import PretrainConfig
from malmoi.pretrain.feed import Feed
from malmoi.pretrain.journal import Journal
from malmoi.pretrain.noise import words
from malmoi.pretrain.objective import MicroBatch, Objective
from malmoi.pretrain.optim import adamw, optimizer_tensors, restore_optimizer
from malmoi.pretrain.schedule import rate_at
from malmoi.pretrain.signals import StopRequest
from malmoi.pretrain.speed import Speed
from malmoi.progress import Reporter, Step

B = TypeVar("B", bound=MicroBatch)


@dataclass
class Trainer(Generic[B]):
    """One process's share of a run. `train` goes from `state.step` to `config.steps`."""

    config: PretrainConfig
    encoder: EncoderConfig
    model: nn.Module
    objective: Objective[B]
    feed: Feed[B]
    heldout: list[B]
    run: Path
    tokenizer: Path
    device: torch.device
    dtype: torch.dtype
    reporter: Reporter
    stop: StopRequest
    state: TrainState = field(default_factory=lambda: TrainState(0, 0, {}))

    def __post_init__(self) -> None:
        self.optimizer = adamw(self.model, self.config)
        self._saved = 0  # the step of the newest checkpoint
        if self.config.compile:
            for module in self.model.modules():
                if isinstance(module, nn.ModuleList):
                    for block in module:
                        block.compile(dynamic=False)

    def resume(self, checkpoint: Path) -> None:
        """Take up the state of a checkpoint whose weights are in `model` already."""
        remove_oldest(self.run, self.config.keep)  # what a kill kept the last save from removing
        self.state = read_state(checkpoint)
        restore_optimizer(self.model, self.optimizer, read_moments(checkpoint), self.state.step)

    def train(self, journal: Journal) -> None:
        """Raises MM0509 on a non-finite loss or gradient, before the update, with everything saved."""
        config, first = self.config, self.state.step
        self._saved = first
        peak = matmul_rate(self.device, self.dtype)
        cost = flops_per_token(self.encoder, config.row_len, config.mask_rate)
        speed = Speed(cost, peak, first)
        self._heldout_line = ""
        with self.reporter.step("pretrain.steps", total=config.steps, unit="step") as bar:
            bar.advance(first)
            for batches in self.feed.stream(first, config.steps):
                speed.start_step()
                self._update(batches, journal)
                speed.end_step(sum(batch.tokens for batch in batches))
                self._after(journal, speed, bar)
                if self.stop.number is not None:
                    break
        if self.stop.number is not None:
            self._save(journal)

    def _after(self, journal: Journal, speed: Speed, bar: Step) -> None:
        """Metrics, held-out loss and checkpoint that are due after this step."""
        config, step = self.config, self.state.step
        last = step == config.steps
        detail = ""
        if step % config.log_every == 0 or last:
            detail = self._log(journal, speed)
        if self.heldout and (step % config.heldout_every == 0 or last):
            self._score(journal)
        if step % config.checkpoint_every == 0 or last:
            self._save(journal)
        bar.advance(1, detail)

    def _update(self, batches: list[B], journal: Journal) -> None:
        """One optimizer step over a global batch."""
        config, step = self.config, self.state.step
        rate = rate_at(step, config.steps, peak=config.lr, warmup=config.warmup, decay=config.decay)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        count = sum(batch.count for batch in batches)
        self.model.train()
        sums = dict(self.state.sums)
        loss_value = 0.0
        for i, batch in enumerate(batches):
            torch.manual_seed(
                int(words(config.seed, step, i) >> 1)
            )  # dropout, the only user of torch's generator
            with self._autocast():
                loss = self.objective.loss(self.model, batch.to(self.device), count)  # type: ignore[arg-type]
            loss.total.backward()  # type: ignore[no-untyped-call]
            for name, value in loss.sums.items():
                sums[name] = sums.get(name, 0.0) + value.item()
            loss_value += loss.total.item()
        norm = nn.utils.clip_grad_norm_(self.model.parameters(), config.clip or math.inf).item()
        if not (math.isfinite(norm) and math.isfinite(loss_value)):
            self._save(journal)  # weights and moments are still those of the step before
            self._refuse(batches, count)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        sums["count"] = sums.get("count", 0.0) + count
        sums["grad_norm"] = norm
        sums["lr"] = rate
        tokens = self.state.tokens + sum(batch.tokens for batch in batches)
        self.state = TrainState(step + 1, tokens, sums)

    def _autocast(self) -> contextlib.AbstractContextManager[Any]:
        if self.dtype == torch.float32:
            return contextlib.nullcontext()
        return torch.autocast(self.device.type, self.dtype)

    def _log(self, journal: Journal, speed: Speed) -> str:
        sums = self.state.sums
        means = {k: sums[k] / sums["count"] for k in sums if k not in ("count", "grad_norm", "lr")}
        clock = speed.clock(self.state.step, self.config.steps)
        last = {"lr": sums["lr"], "grad_norm": sums["grad_norm"]}
        journal.write(step=self.state.step, tokens=self.state.tokens, **means, **last, clock=clock)
        self.reporter.record(
            "train", step=self.state.step, tokens=self.state.tokens, **means, **last, **clock
        )
        self.state = TrainState(self.state.step, self.state.tokens, {})
        return (
            f"loss {means['loss']:.3f} acc {means['accuracy']:.3f}{self._heldout_line} "
            f"{clock['tokens_per_s']:,.0f} tok/s MFU {clock['mfu']:.0%}"
        )

    @torch.no_grad()
    def _score(self, journal: Journal) -> None:
        """The held-out loss: the same rows and masks every time, at 15 % whatever the training rate."""
        self.model.eval()
        count = sum(batch.count for batch in self.heldout)
        sums: dict[str, float] = {}
        for batch in self.heldout:
            with self._autocast():
                loss = self.objective.loss(self.model, batch.to(self.device), count)  # type: ignore[arg-type]
            for name, value in loss.sums.items():
                sums[name] = sums.get(name, 0.0) + value.item()
        means = {f"heldout_{name}": value / count for name, value in sums.items()}
        journal.write(step=self.state.step, tokens=self.state.tokens, **means)
        self.reporter.record("heldout", step=self.state.step, tokens=self.state.tokens, **means)
        self._heldout_line = f" held-out {means['heldout_loss']:.3f}"

    def _save(self, journal: Journal) -> None:
        if self.state.step == self._saved:
            return
        journal.sync()
        save_checkpoint(
            self.run,
            self.state,
            lambda folder: self.objective.write(folder, self.model),
            optimizer_tensors(self.model, self.optimizer),
            self.tokenizer,
            keep=self.config.keep,
        )
        self._saved = self.state.step

    def _refuse(self, batches: list[B], count: float) -> None:
        """Stop before the update and name the rows with a non-finite loss (all, if only gradients are)."""
        numbers: list[int] = []
        for batch in batches:
            for number in batch.rows_R.tolist():
                one = self.feed.one(number)
                with torch.no_grad(), self._autocast():
                    value = self.objective.loss(self.model, one.to(self.device), count).total  # type: ignore[arg-type]
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
            rate=f"{self.optimizer.param_groups[0]['lr']:.2g}",
        )
