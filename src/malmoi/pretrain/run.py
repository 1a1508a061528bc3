"""`pretrain`: opens or resumes a run folder, trains, and leaves a finished one.

A run folder is a live artifact: `manifest.json` (state running → finished), `checkpoints/step-N/`,
`metrics.jsonl`, and the table of rows. The same command resumes it; asking for more steps extends it.
"""

from __future__ import annotations

import math
import shutil
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from malmoi.artifact.disk import disk_errors, locked, real_place, write_json
from malmoi.artifact.finished import (
    MANIFEST,
    Manifest,
    artifact_key,
    is_free,
    read_manifest,
    record_file,
    tool_versions,
    warn_versions,
)
from malmoi.config import dotted, identity
from malmoi.context import Context
from malmoi.device import choose_device, choose_precision, keep_freed_memory, use_threads
from malmoi.errors import Interrupted, MalmoiError
from malmoi.json_files import expected_shape
from malmoi.model.sizes import ModelConfig, parameters
from malmoi.pretrain.checkpoint import (
    FOLDER,
    fault,
    find_checkpoint,
    milestone_steps,
    newest_first,
    recorded_milestones,
)
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import Feed, feed_of
from malmoi.pretrain.data.packing import RowTable
from malmoi.pretrain.data.random_bits import random_bits
from malmoi.pretrain.init.cooccurrence import start_discriminator, start_from_counts, word_width
from malmoi.pretrain.init.counts import count, counted_tokens
from malmoi.pretrain.init.from_checkpoint import (
    check_init,
    compare_vocabularies,
    initialise_from,
    open_init,
    shape_of,
    told,
)
from malmoi.pretrain.loop import Trainer, add, add_counts, steps_ahead
from malmoi.pretrain.monitor.journal import Journal, read_journal
from malmoi.pretrain.monitor.probes import frequencies, unigram_loss
from malmoi.pretrain.objectives.electra import Electra, ElectraModel
from malmoi.pretrain.objectives.mlm import Mlm
from malmoi.pretrain.objectives.protocol import Objective
from malmoi.progress import Reporter
from malmoi.shards.format import Shards, check_tokenizer
from malmoi.special import SpecialIds
from malmoi.training.signals import StopRequest

Objectives = Mapping[str, Callable[[RunConfig, SpecialIds, int], Objective[Any]]]
OBJECTIVES: Objectives = {
    "mlm": Mlm,
    "electra": Electra,
}
HELDOUT_SEED = 0  # the held-out rows and their masks are the same in every run, so that losses compare
HELDOUT_RATE = 0.15


def pretrain(
    config: PretrainConfig,
    model: ModelConfig,
    shards: Path,
    out: Path,
    context: Context = Context(),
    *,
    objectives: Objectives = OBJECTIVES,
) -> Manifest:
    """Train until `config.steps`, from the newest whole checkpoint in `out` if there is one.

    `objectives` may hold others under the same names; which one it was does not enter the run's key.

    Raises MM0501 (no rows), MM0503 (all checkpoints damaged), MM0505 (`out` is another run), MM0506 (the
    disk is too small), MM0507-MM0508 (a checkpoint of another shape), MM0509 (non-finite loss), MM0510 (rows
    longer than the model reads), MM0515 (a start that does not fit the shape), MM0265-MM0269 (an `init` that
    does not fit) and those of reading one, and Interrupted after a signal, when everything is saved.
    """
    begun, reporter = time.monotonic(), context.reporter
    out = real_place(out)
    init = open_init(config.init, config.objective, out, verify=context.verify) if config.init else None
    model = shape_of(init, model, config.objective) if init else model
    run = RunConfig(pretrain=config, model=model)
    opened = Shards.open(shards, verify=context.verify)
    check_tokenizer(opened, opened.tokenizer_folder)
    key = artifact_key("pretrain", run, {"shards": opened.digest} | (init.digests if init else {}))
    before = _existing(out, run, key)
    if before:
        warn_versions(out, before, reporter)
    if before and before.state == "finished" and _is_whole(out, before, config.steps):
        enough = before.counts["step"] == config.steps
        reporter.say("base.current" if enough else "pretrain.beyond", path=out, step=before.counts["step"])
        return before
    if config.row_len > model.max_positions:
        raise MalmoiError("MM0510", row_len=config.row_len, max_positions=model.max_positions)

    objective = objectives[config.objective](run, opened.special, opened.vocab_size)
    if config.weight_init == "cooccurrence":  # refused before the folder is taken
        for shape in (objective.encoder, getattr(objective, "generator", objective.encoder)):
            word_width(shape)
    going_on = None
    if init and not any((out / FOLDER).glob("step-*")):
        check_init(init)
        old = objectives[config.objective](run, opened.special, init.rows).read(init.folder)
        going_on = old, compare_vocabularies(init, opened.tokenizer_folder, reporter)
    device = choose_device(config.device)
    dtype = choose_precision(config.precision, device)
    precision = str(dtype).removeprefix("torch.")
    if before and before.counts.get("precision", precision) != precision:
        raise MalmoiError("MM0505", out, differs=f"precision ({before.counts['precision']} ≠ {precision})")
    use_threads(config.threads)
    keep_freed_memory()
    # More steps extend a run, and those it has passed already stay milestones.
    milestones = milestone_steps(config.steps, config.milestones) | recorded_milestones(before)
    with disk_errors(out), locked(out), StopRequest() as stop:
        manifest = Manifest(
            stage="pretrain",
            state="running",
            key=key,
            config=run.model_dump(mode="json"),
            origins=dict(context.origins),
            seed=config.seed,
            versions=tool_versions(),
            inputs={str(shards / MANIFEST): record_file(shards / MANIFEST)} | (init.files if init else {}),
            counts={
                "shards": str(shards),
                "objective": config.objective,
                "parameters": parameters(objective.encoder),
                "precision": precision,
                "milestones": sorted(milestones),
            },
        )
        if before is None:
            write_json(out / MANIFEST, manifest.model_dump())
        elif "init" in before.counts:
            manifest.counts["init"] = before.counts["init"]
        tables = out / "rows" / opened.digest[:16] / str(config.row_len)
        train = RowTable.open(opened.train, config.row_len, tables, reporter)
        heldout = RowTable.open(opened.heldout, config.row_len, tables, reporter) if opened.heldout else None
        checkpoint = find_checkpoint(out, reporter)
        torch.manual_seed(int(random_bits(config.seed, 1 << 32)))
        network = objective.read(checkpoint) if checkpoint else objective.model()
        trained = sum(parameter.numel() for parameter in network.parameters())
        if going_on:
            initialise_from(network, *going_on)
            manifest.counts["init"] = told(going_on[1])
            reporter.say("pretrain.adapted", checkpoint=config.init, **told(going_on[1]))
        _preflight(out, network, config.keep + len(milestones))
        held = _heldout(heldout, objective, opened, config)
        feed = feed_of(config, train, objective, opened.special)
        if checkpoint is None and config.weight_init == "cooccurrence":
            _init_from_counts(network, objective, opened, feed, config.seed, reporter)
        trainer = Trainer(
            config=config,
            model=network.to(device),
            objective=objective,
            feed=feed,
            heldout=held,
            unigram=_unigram(opened, held),
            run=out,
            tokenizer=opened.tokenizer_folder,
            milestones=milestones,
            device=device,
            dtype=dtype,
            reporter=reporter,
            stop=stop,
            ahead=steps_ahead(device),
        )
        if checkpoint is not None:
            trainer.resume(checkpoint)
            reporter.say("pretrain.resumed", step=trainer.state.step, checkpoint=checkpoint)
        reporter.say(
            "pretrain.begins",
            parameters=trained,
            rows=train.rows,
            epochs=config.steps * config.batch_size / train.rows,
            device=device,
            precision=precision,
        )
        write_json(out / MANIFEST, manifest.model_dump())  # only now: nothing can be refused any more
        journal = Journal(out, trainer.state.step)
        try:
            trainer.train(journal)
        finally:
            journal.close()
        if stop.number is not None and trainer.state.step < config.steps:
            raise Interrupted(stop.exit_code)
        manifest.state = "finished"
        manifest.counts |= {"step": trainer.state.step, "tokens": trainer.state.tokens} | _last(out)
        manifest.timings["total_s"] = round(time.monotonic() - begun, 3)
        write_json(out / MANIFEST, manifest.model_dump())
        if stop.number is not None:  # it came during the last step: done, but whoever asked wants us to end
            raise Interrupted(stop.exit_code)
    return manifest


def _is_whole(out: Path, manifest: Manifest, steps: int) -> bool:
    """Whether a finished run has gone far enough and still has its last checkpoint, unharmed."""
    reached = int(manifest.counts["step"])
    return reached >= steps and fault(out / FOLDER / f"step-{reached}") is None


def _existing(out: Path, run: RunConfig, key: str) -> Manifest | None:
    if is_free(out):
        return None
    manifest = read_manifest(out, "pretrain")
    with expected_shape(out / MANIFEST):  # it may be another version's
        before = dict(dotted(identity(RunConfig.model_validate(manifest.config))))
        recorded_milestones(manifest)
        if manifest.state == "finished":
            int(manifest.counts["step"])
    if manifest.key != key:
        now, recorded = dict(dotted(identity(run))), dict(dotted(manifest.config))
        odd = [key for key in now if now[key] != before.get(key)]
        # A run of a version that did not know a setting was trained without it, whatever its default is now.
        odd = odd or [key for key in now if key not in recorded]
        init = manifest.config["pretrain"].get("init") or run.pretrain.init
        rest = "shards / pretrain.init" if init else "shards"
        raise MalmoiError("MM0505", out, differs=", ".join(odd) or rest)
    return manifest


def _preflight(out: Path, network: nn.Module, keep: int) -> None:
    """Room for weights (shared ones are written with each model) and two moments in fp32: for `keep`
    checkpoints and the one being written, but for those that lie there."""
    written = sum(value.numel() for value in network.state_dict().values())
    trained = sum(parameter.numel() for parameter in network.parameters())
    needed = 4 * (written + 2 * trained) * max(1, keep + 1 - len(newest_first(out)))
    free = shutil.disk_usage(out).free
    if free < needed:
        raise MalmoiError("MM0506", out, needed=f"{needed / 1e6:,.0f}", free=f"{free / 1e6:,.0f}")


def _heldout(
    table: RowTable | None, objective: Objective[Any], shards: Shards, config: PretrainConfig
) -> list[Any]:
    if table is None:
        return []
    rows = min(config.heldout_rows, table.rows)
    micro = min(config.micro_batch_size or config.batch_size, rows)
    feed = Feed(table, objective, shards.special, HELDOUT_SEED, HELDOUT_RATE, rows, micro)
    return list(feed.batch(0))


def _init_from_counts(
    network: nn.Module,
    objective: Objective[Any],
    shards: Shards,
    feed: Feed[Any],
    seed: int,
    reporter: Reporter,
) -> None:
    """Write what is counted in the text into a new network (`init.cooccurrence`)."""
    masked_lm = objective.masked_lm(network)
    width = word_width(masked_lm.encoder.config)
    batches = feed.batch(0)

    @torch.no_grad()
    def measured() -> dict[str, Tensor]:
        network.eval()
        sums: dict[str, Tensor] = {}
        for batch in batches:
            sums = add(sums, objective.loss(network, batch, add_counts(batches)).sums)
        return sums

    def score() -> float:
        found = objective.metrics(measured())
        return found.get("generator_loss", found["loss"])

    s = shards.special
    with reporter.step("pretrain.counting", total=counted_tokens(shards.train), unit="token") as step:
        counted = count(
            shards.train,
            shards.vocab_size,
            width,
            reserved=sorted({s.pad, s.unk, s.cls, s.sep, s.mask}),
            seed=seed,
            advance=step.advance,
        )
        start_from_counts(masked_lm, counted, sep=s.sep, seed=seed, score=score)
        if isinstance(network, ElectraModel):
            replaced = objective.metrics(measured())["replaced_rate"]
            start_discriminator(network.discriminator, masked_lm.encoder, replaced)


def _unigram(shards: Shards, heldout: list[Any]) -> float:
    """What word frequencies alone would score on the held-out slots."""
    if not heldout:
        return math.nan
    labels = np.concatenate([batch.labels_M.numpy() for batch in heldout])
    weights = np.concatenate([batch.weights_M.numpy() for batch in heldout])
    return unigram_loss(frequencies(shards.train, shards.vocab_size), labels, weights)


def _last(out: Path) -> dict[str, Any]:
    """The last metrics of the journal and the alarms in it, for the manifest."""
    found: dict[str, Any] = {}
    alarms: list[str] = []
    for entry in read_journal(out):
        found |= {k: v for k, v in entry.items() if k not in ("step", "tokens", "clock", "alarm", "values")}
        alarms += [entry["alarm"]] if "alarm" in entry else []
    return found | {"alarms": alarms}
