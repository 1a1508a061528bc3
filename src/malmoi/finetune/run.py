"""Fine-tune on one task: a start (pretrained or new weights) and a task's rows in, a run folder out.

The dev rows choose the checkpoint, the test rows are scored once. Both scores are then computed from the
weights that were kept, in fp32, whatever the training computes in: the numbers in scores.json are those
`malmoi predict` gives with the model folder beside them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from malmoi.artifact.disk import real_place
from malmoi.artifact.finished import Manifest, artifact_key, is_current, read_manifest, record_inputs
from malmoi.artifact.live import live_artifact, locked_output
from malmoi.context import Context
from malmoi.device import choose_device, keep_freed_memory, use_threads
from malmoi.finetune.answer import model_outputs
from malmoi.finetune.config import FinetuneConfig, check_shape, head_kind, resolve
from malmoi.finetune.judged import Judged, judged
from malmoi.finetune.record import MODEL, warn_if_constant, write_predictions, write_scores, write_tuned
from malmoi.finetune.start import Start
from malmoi.finetune.tally import Tally, longer
from malmoi.finetune.train import Rows, encode_rows, train
from malmoi.progress import Reporter
from malmoi.tasks.data import TaskData

STAGE = "finetune"


def finetune(
    config: FinetuneConfig,
    data: TaskData,
    start: Start,
    out: Path,
    context: Context = Context(),
    *,
    keep_model: bool = True,
) -> Manifest:
    """One run, one seed; nothing is done where `out` holds the finished run of the same inputs and config.

    `out` gets `model/` (opens in transformers and in `malmoi predict`; left out without `keep_model`),
    scores.json, predictions.tsv (line of the test file, gold, predicted and what else the kind of task says),
    metrics.jsonl and manifest.json.
    Raises MalmoiError: MM0006 (another process works in `out`), MM0412 (a head that does not go with the
    encoder), MM0615 (loss is not a number), MM0617 (vocabulary and model do not fit), MM0619 (max_len beyond
    the model's positions), and those of `live_artifact`.
    """
    out = real_place(out)
    shape = start.shape
    check_shape(config, shape)
    config = resolve(config, data.task, rows=len(data.train), shape=shape)
    with locked_output(out):
        inputs = start.inputs(out, verify=context.verify)
        inputs |= record_inputs(data.files.values(), out, verify=context.verify)
        digests = start.names(inputs) | {
            split: inputs[str(path)].sha256 for split, path in data.files.items()
        }
        key = artifact_key(STAGE, config, digests)
        if is_current(out, STAGE, key, context, inputs=inputs, is_locked=True):
            context.reporter.say("base.current", path=out)
            return read_manifest(out)
        device = choose_device(config.device)
        context.reporter.say(
            "finetune.start" if start.weights else "finetune.start_fresh",
            path=start.weights,
            task=data.task.name,
            **config.model_dump(include={"seed", "lr", "epochs", "batch_size", "max_len"}),
        )
        threads = torch.get_num_threads()
        gpus = [device] if device.type == "cuda" else []
        with (
            live_artifact(
                out, STAGE, config, key, inputs=inputs, seed=config.seed, origins=context.origins
            ) as draft,
            torch.random.fork_rng(gpus),  # the caller's random numbers are not ours to move
        ):
            try:
                use_threads(config.threads)
                keep_freed_memory()
                draft.counts |= _run(config, data, start, out, device, context.reporter, keep_model)
            finally:
                torch.set_num_threads(threads)
        return read_manifest(out)


def _run(
    config: FinetuneConfig,
    data: TaskData,
    start: Start,
    out: Path,
    device: torch.device,
    reporter: Reporter,
    keep_model: bool,
) -> dict[str, Any]:
    assert config.max_len
    kind = data.kind.of(data.train, data.labels)
    model, tokenizer = start.load(
        config.seed,
        config.dropout,
        kind.outputs,
        head_kind(config, start.shape),
        reporter,
        attention_dropout=config.attention_dropout,
        glorot=config.glorot,
    )
    rows = {"train": data.train, "dev": data.dev} | ({"test": data.test} if data.test is not None else {})
    types = start.shape.type_vocab
    encoded = {split: encode_rows(e, kind, tokenizer, config.max_len, types) for split, e in rows.items()}
    counts = dict(data.counts) | _tell_reading(encoded, config.max_len, start, reporter)
    model.to(device)
    best = train(
        model,
        encoded["train"],
        encoded["dev"],
        data.task,
        kind,
        config,
        device=device,
        log=out / "metrics.jsonl",
        reporter=reporter,
    )
    model.load_state_dict(best.weights)
    saved = kind.settle(model)
    scored = [split for split in ("dev", "test") if split in rows]
    answers: dict[str, NDArray[np.float32]] = {}
    total = sum(len(encoded[split].gold_N) for split in scored)
    with reporter.step("finetune.testing", total=total, unit="row") as step:
        for split in scored:
            outputs_NC = model_outputs(
                model,
                encoded[split].encoded,
                device=device,
                tokens_per_batch=config.tokens_per_batch,
                step=step,
            )
            answers[split] = saved.decode(outputs_NC)
    # The loss stays in the units it was chosen by (of scores: the training rows' variance).
    dev = judged(kind, data.task.metric, answers["dev"], encoded["dev"].gold_N)
    test: Judged | None = None
    if data.test is not None:
        test = judged(kind, data.task.metric, answers["test"], encoded["test"].gold_N)
        write_predictions(out / "predictions.tsv", data.test, answers["test"], saved)
    if keep_model:
        write_tuned(out / MODEL, model.cpu(), tokenizer, data, config.max_len)
    write_scores(out, data, seed=config.seed, dev=dev, test=test, chosen={"step": best.step})
    warn_if_constant(data, dev, test, reporter)
    return counts


def _tell_reading(encoded: dict[str, Rows], max_len: int, start: Start, reporter: Reporter) -> dict[str, int]:
    """Warn of what the model cannot read of the splits; counts for the manifest."""
    counts: dict[str, int] = {}
    files: dict[str, Tally] = {}
    for split, rows in encoded.items():
        alone = Tally(max_len)
        for tally in (alone, files.setdefault(str(rows.examples.path), Tally(max_len))):
            tally.add(rows.examples.texts, rows.encoded)
        counts |= {f"{split}_unknown_tokens": alone.unknown, f"{split}_rows_at_max_len": alone.full}
    for where, tally in files.items():  # dev rows may be held out of the training file
        tally.tell_misread(reporter, where)
        tally.tell_unknown(reporter, where)
        tally.tell_full(reporter, where, longer(max_len, start.shape.max_positions))
    return counts | {"train_tokens": int(encoded["train"].encoded.lengths.sum())}
