"""Fine-tuning contenders: the product's `finetune`, and `Trainer` as tutorials have it, on the same rows.

A step is one update of `spec.rows` examples, and the tokens that `Rounds` counts are examples here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    DataCollatorWithPadding,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    default_data_collator,
)

from against.rounds import Rounds, Spec
from malmoi.context import Context
from malmoi.finetune.config import FinetuneConfig
from malmoi.finetune.run import finetune
from malmoi.finetune.start import fresh
from malmoi.model.sizes import EncoderConfig, ModelConfig
from malmoi.progress import Reporter, Step
from malmoi.tasks.data import TaskData, read_task
from malmoi.tokenizer import load_tokenizer

MAX_LEN = 128
EPOCHS = 1000


class Turns(Reporter):
    """`advance` in the training step is the end of an update, and says how many rows it had."""

    def __init__(self, rounds: Rounds) -> None:
        self.rounds = rounds

    @contextmanager
    def step(self, key: str, total: float | None, unit: str) -> Iterator[Step]:
        yield self if key == "finetune.training" else _Quiet()

    def advance(self, amount: float, detail: str = "") -> None:
        self.rounds.after_step(int(amount))

    def warn(self, code: str, where: str | None = None, **values: Any) -> None:
        print(f"  {code}", flush=True)


class _Quiet:
    def advance(self, amount: float, detail: str = "") -> None:
        pass


def _config(spec: Spec) -> FinetuneConfig:
    return FinetuneConfig(
        task="nsmc",
        data=Path(spec.options["data"]),
        epochs=EPOCHS,
        evals=1,
        batch_size=spec.rows,
        max_len=MAX_LEN,
        precision=spec.precision,  # type: ignore[arg-type]
        threads=spec.threads,
        device="cpu",
    )


def _shape(spec: Spec, entries: int, pad: int) -> EncoderConfig:
    return ModelConfig(hidden=spec.hidden, layers=spec.layers).resolve(vocab_size=entries, pad_id=pad)


def ours(spec: Spec) -> None:
    folder = Path(spec.options["tokenizer"])
    tokenizer = load_tokenizer(folder)
    config = _config(spec)
    start = fresh(_shape(spec, tokenizer.vocab_size, tokenizer.special.pad), folder)
    turns = Turns(Rounds(spec.warmup))
    finetune(config, read_task(config), start, spec.work / "run", Context(turns))


class _Examples(torch.utils.data.Dataset[dict[str, Any]]):
    """Texts tokenized beforehand, as `dataset.map(tokenize)` does; with `padded` to 128 then and there."""

    def __init__(self, data: TaskData, tokenizer: BertTokenizerFast, padded: bool) -> None:
        texts = [text if isinstance(text, str) else text[0] for text in data.train.texts]
        self.encoded = tokenizer(
            texts, truncation=True, max_length=MAX_LEN, padding="max_length" if padded else False
        )
        self.labels = [data.labels.index(label) for label in data.train.labels]

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, i: int) -> dict[str, Any]:
        return {name: rows[i] for name, rows in self.encoded.items()} | {"labels": self.labels[i]}


def trainer(spec: Spec) -> None:
    """BertForSequenceClassification under `Trainer`: padded to 128, or to the longest of each batch."""
    if spec.threads:
        torch.set_num_threads(spec.threads)
    folder = Path(spec.options["tokenizer"])
    tokenizer = BertTokenizerFast(vocab=str(folder / "vocab.txt"), do_lower_case=False, strip_accents=False)
    data = read_task(_config(spec))
    padded = spec.options["padding"] == "max_length"
    torch.manual_seed(0)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(tokenizer),
            hidden_size=spec.hidden,
            num_hidden_layers=spec.layers,
            num_attention_heads=spec.hidden // 64,
            intermediate_size=4 * spec.hidden,
            num_labels=len(data.labels),
            attention_probs_dropout_prob=spec.options.get("attention_dropout", 0.0),
        )
    )
    rounds = Rounds(spec.warmup)

    class AfterStep(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            rounds.after_step(spec.rows)

    Trainer(
        model=model,
        args=TrainingArguments(
            output_dir=str(spec.work / "run"),
            per_device_train_batch_size=spec.rows,
            num_train_epochs=EPOCHS,
            learning_rate=5e-5,
            weight_decay=0.01,
            dataloader_drop_last=True,
            bf16=spec.precision == "bf16",
            use_cpu=True,
            torch_compile=spec.compile,
            save_strategy="no",
            report_to="none",
            disable_tqdm=True,
        ),
        train_dataset=_Examples(data, tokenizer, padded),
        data_collator=default_data_collator if padded else DataCollatorWithPadding(tokenizer),
        callbacks=[AfterStep()],
    ).train()
