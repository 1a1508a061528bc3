"""The peers: transformers as its users run it, on the same ids, without any of our settings.

Rows are `run_mlm.py`'s: documents as [CLS] … [SEP], joined and cut into full rows (`group_texts`), so a row
has no padding and every token counts as real. Masks come from DataCollatorForLanguageModeling. The arithmetic
is ours: dropout 0.1, none of attention weights (BertConfig's own default, 0.1, takes the fused kernel away
from a CPU: `--peer-attention-dropout 0.1` shows it).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from torch import Tensor, nn
from transformers import (
    BertConfig,
    BertForMaskedLM,
    BertModel,
    DataCollatorForLanguageModeling,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    PreTrainedTokenizerFast,
    Trainer,
    TrainerCallback,
    TrainingArguments,
    get_linear_schedule_with_warmup,
)
from transformers.models.bert.modeling_bert import BertOnlyMLMHead

from against.rounds import Rounds, Spec
from malmoi.shards.format import Shards

STEPS = 1_000_000


class GroupedTexts(torch.utils.data.Dataset[dict[str, list[int]]]):
    """`group_texts`: what is left of the last row is dropped."""

    def __init__(self, shards: Shards, row_len: int) -> None:
        s = shards.special
        pieces = []
        for part in shards.train:
            for a, b in pairwise(part.documents.tolist()):
                pieces.append(np.concatenate([[s.cls], part.ids[a:b].astype(np.int64), [s.sep]]))
        stream = np.concatenate(pieces)
        self.rows = stream[: len(stream) // row_len * row_len].reshape(-1, row_len)
        self.special = np.isin(self.rows, (s.pad, s.cls, s.sep)).astype(np.int64)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, i: int) -> dict[str, list[int]]:
        row = self.rows[i].tolist()
        return {
            "input_ids": row,
            "token_type_ids": [0] * len(row),
            "attention_mask": [1] * len(row),
            "special_tokens_mask": self.special[i].tolist(),
        }


def _tokenizer(shards: Shards) -> PreTrainedTokenizerFast:
    """Names for the ids; the collator asks it for [MASK] and for the number of entries only."""
    s = shards.special
    names = {s.pad: "[PAD]", s.unk: "[UNK]", s.cls: "[CLS]", s.sep: "[SEP]", s.mask: "[MASK]"}
    vocab = {names.get(i, f"t{i}"): i for i in range(shards.vocab_size)}
    library = Tokenizer(WordLevel(vocab, unk_token="[UNK]"))
    roles = ("pad", "unk", "cls", "sep", "mask")
    return PreTrainedTokenizerFast(
        tokenizer_object=library, **{f"{role}_token": f"[{role.upper()}]" for role in roles}
    )


def _bert_config(spec: Spec, shards: Shards) -> BertConfig:
    return BertConfig(
        vocab_size=shards.vocab_size,
        hidden_size=spec.hidden,
        num_hidden_layers=spec.layers,
        num_attention_heads=max(1, spec.hidden // 64),
        intermediate_size=4 * spec.hidden,
        attention_probs_dropout_prob=spec.options.get("attention_dropout", 0.0),
        attn_implementation="sdpa",
    )


def _waiter(spec: Spec) -> Callable[[], object]:
    return torch.cuda.synchronize if spec.device == "cuda" else (lambda: None)


def trainer(spec: Spec) -> None:
    """BertForMaskedLM under `Trainer` with its defaults: AdamW (fused), clipping at 1, linear decay."""
    if spec.threads:
        torch.set_num_threads(spec.threads)
    shards = Shards.open(spec.shards)
    torch.manual_seed(0)
    model = BertForMaskedLM(_bert_config(spec, shards))
    tokens = spec.rows * spec.row_len
    rounds = Rounds(spec.warmup, _waiter(spec))

    class Turns(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            rounds.after_step(tokens)

    arguments = TrainingArguments(
        output_dir=str(spec.work / "run"),
        per_device_train_batch_size=spec.rows,
        max_steps=STEPS,
        learning_rate=1e-4,
        warmup_steps=1000,
        weight_decay=0.01,
        bf16=spec.precision == "bf16",
        use_cpu=spec.device == "cpu",
        torch_compile=spec.compile,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        dataloader_num_workers=spec.options.get("loader_workers", 0),
    )
    Trainer(
        model=model,
        args=arguments,
        train_dataset=GroupedTexts(shards, spec.row_len),
        data_collator=DataCollatorForLanguageModeling(_tokenizer(shards), mlm_probability=0.15),
        callbacks=[Turns()],
    ).train()


class _MaskedOnly(nn.Module):
    """BertModel, and the masked-LM head on the masked positions only; tied as BertForMaskedLM is."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.head = BertOnlyMLMHead(config)
        self.head.predictions.decoder.weight = self.bert.embeddings.word_embeddings.weight

    def forward(self, input_ids: Tensor, labels: Tensor, **rest: Tensor) -> Tensor:
        hidden = self.bert(input_ids=input_ids, **rest).last_hidden_state
        chosen = labels != -100
        return nn.functional.cross_entropy(self.head(hidden[chosen]).float(), labels[chosen])


def masked_only(spec: Spec) -> None:
    """The strongest plain peer: otherwise as the Trainer."""
    if spec.threads:
        torch.set_num_threads(spec.threads)
    shards = Shards.open(spec.shards)
    torch.manual_seed(0)
    model = _MaskedOnly(_bert_config(spec, shards)).to(spec.device)
    if spec.compile:
        # The head's shape differs from batch to batch, so the encoder alone is compiled.
        model.bert.compile()
    _plain_loop(spec, shards, model, lambda batch: model(**batch))


class _Electra(nn.Module):
    """Generator and discriminator that share word, position and type embeddings (and their LayerNorm)."""

    def __init__(self, spec: Spec, shards: Shards) -> None:
        super().__init__()

        def config(width: int) -> ElectraConfig:
            return ElectraConfig(
                vocab_size=shards.vocab_size,
                embedding_size=spec.embedding or spec.hidden,
                hidden_size=width,
                num_hidden_layers=spec.layers,
                num_attention_heads=max(1, width // 64),
                intermediate_size=4 * width,
                attention_probs_dropout_prob=spec.options.get("attention_dropout", 0.0),
                attn_implementation="sdpa",
            )

        self.generator = ElectraForMaskedLM(config(spec.hidden // 4))
        self.discriminator = ElectraForPreTraining(config(spec.hidden))
        self.discriminator.electra.embeddings = self.generator.electra.embeddings
        self.generator.generator_lm_head.weight = self.generator.electra.embeddings.word_embeddings.weight

    def forward(self, input_ids: Tensor, labels: Tensor, **rest: Tensor) -> Tensor:
        """electra_pytorch's: logits of the generator everywhere, samples where masked; 1 : 50."""
        chosen = labels != -100
        logits = self.generator(input_ids=input_ids, **rest).logits[chosen].float()
        loss = nn.functional.cross_entropy(logits, labels[chosen])
        with torch.no_grad():
            noise = -torch.empty_like(logits).exponential_().log()  # Gumbel
            samples = (logits + noise).argmax(-1)
            corrupted, replaced = input_ids.clone(), torch.zeros_like(labels, dtype=torch.float32)
            corrupted[chosen] = samples
            replaced[chosen] = (samples != labels[chosen]).float()
        found = self.discriminator(input_ids=corrupted, **rest).logits.float()
        real = rest["attention_mask"].bool()
        return loss + 50 * nn.functional.binary_cross_entropy_with_logits(found[real], replaced[real])


def electra_loop(spec: Spec) -> None:
    if spec.threads:
        torch.set_num_threads(spec.threads)
    shards = Shards.open(spec.shards)
    torch.manual_seed(0)
    model = _Electra(spec, shards).to(spec.device)
    if spec.compile:
        model.generator.compile()
        model.discriminator.compile()
    _plain_loop(spec, shards, model, lambda batch: model(**batch))


def _plain_loop(
    spec: Spec, shards: Shards, model: nn.Module, loss_of: Callable[[dict[str, Tensor]], Tensor]
) -> None:
    """A training loop as people write it: DataLoader, autocast, clip, fused AdamW, linear decay."""
    rounds = Rounds(spec.warmup, _waiter(spec))
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-4, weight_decay=0.01, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, 1000, STEPS)
    low = spec.precision == "bf16"
    model.train()
    for batch in _batches(spec, shards):
        batch = {k: v.to(spec.device, non_blocking=True) for k, v in batch.items()}
        with torch.autocast(spec.device, torch.bfloat16) if low else nullcontext():
            loss = loss_of(batch)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad(set_to_none=True)
        rounds.after_step(spec.rows * spec.row_len)


def _batches(spec: Spec, shards: Shards) -> Iterator[dict[str, Tensor]]:
    collate = DataCollatorForLanguageModeling(_tokenizer(shards), mlm_probability=0.15)
    loader = torch.utils.data.DataLoader(
        GroupedTexts(shards, spec.row_len),
        batch_size=spec.rows,
        shuffle=True,
        drop_last=True,
        collate_fn=collate,
        pin_memory=spec.device == "cuda",
        num_workers=spec.options.get("loader_workers", 0),
    )
    while True:
        for batch in loader:
            # BatchEncoding → plain dict; the collator has taken special_tokens_mask out.
            yield dict(batch)
