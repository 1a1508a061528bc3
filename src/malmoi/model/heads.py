"""What is put on an encoder: `MlmHead` predicts masked tokens, `ClassifyHead` labels a sequence.

Heads get only the tokens they need (M masked slots, B first tokens), never all T: on BERT-base at 15 %
masking logits everywhere would cost 24 % more.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from malmoi.model.batch import Batch
from malmoi.model.dropout import dropout
from malmoi.model.encoder import Encoder, initialize
from malmoi.model.sizes import EncoderConfig

# Shapes: T tokens, D hidden, V vocabulary, M masked slots, B sequences to label, C outputs.


class MlmHead(nn.Module):
    """Dense, gelu, LayerNorm, then the word embeddings as the output matrix, plus a bias.

    The output matrix is handed in at each call and never held here, so nothing could come untied (by a
    copy, a wrapper or a load).
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden, config.hidden)
        self.norm = nn.LayerNorm(config.hidden, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.apply(initialize)

    def forward(self, hidden_MD: Tensor, words_VD: Tensor) -> Tensor:
        """Logits (M, V)."""
        return nn.functional.linear(self.norm(nn.functional.gelu(self.dense(hidden_MD))), words_VD, self.bias)


class ClassifyHead(nn.Module):
    """Dense and tanh (BERT's pooler) on the first token, dropout, linear: BertForSequenceClassification's."""

    def __init__(self, config: EncoderConfig, outputs: int) -> None:
        super().__init__()
        self.pooler = nn.Linear(config.hidden, config.hidden)
        self.dropout = config.dropout
        self.classifier = nn.Linear(config.hidden, outputs)
        self.apply(initialize)

    def forward(self, hidden_BD: Tensor) -> Tensor:
        """Logits (B, C)."""
        pooled_BD = dropout(torch.tanh(self.pooler(hidden_BD)), self.dropout, self.training)
        logits_BC: Tensor = self.classifier(pooled_BD)
        return logits_BC


class MaskedLM(nn.Module):
    """An encoder with `MlmHead`; the output matrix is the encoder's word embeddings (one parameter)."""

    def __init__(self, encoder: Encoder, head: MlmHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch, slots_M: Tensor) -> Tensor:
        """Logits (M, V) at the token indices `slots_M` (int64, into T)."""
        hidden_MD = self.encoder(batch).index_select(0, slots_M)
        logits_MV: Tensor = self.head(hidden_MD, self.encoder.embeddings.word.weight)
        return logits_MV


class Classifier(nn.Module):
    """An encoder with `ClassifyHead`."""

    def __init__(self, encoder: Encoder, head: ClassifyHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch, firsts_B: Tensor) -> Tensor:
        """Logits (B, C) of the sequences whose first tokens stand at `firsts_B` (int64, into T)."""
        logits_BC: Tensor = self.head(self.encoder(batch).index_select(0, firsts_B))
        return logits_BC
