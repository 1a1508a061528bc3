"""What is put on an encoder: `MlmHead` predicts masked tokens, `RtdHead` predicts which tokens were replaced,
`ClassifyHead` labels a sequence.

Heads get only the tokens they need (M masked slots, B first tokens), never all T: on BERT-base at 15 %
masking, logits everywhere would cost 24 % more.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.dropout import dropout
from malmoi.model.encoder import Encoder, glorot, initialize
from malmoi.model.sizes import HEAD_KINDS, EncoderConfig, HeadKind

# Shapes: T tokens, D hidden, E width of the embeddings, V vocabulary, M masked slots, B sequences to label,
# C outputs.


class MlmHead(nn.Module):
    """Dense, gelu, LayerNorm, then the word embeddings as the output matrix, plus a bias.

    The output matrix is handed in at each call and never held here, so nothing can come untied (by a copy, a
    wrapper or a load).
    """

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden, config.embedding)
        self.norm = nn.LayerNorm(config.embedding, eps=config.layer_norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        self.apply(initialize)

    def forward(self, hidden_MD: Tensor, words_VE: Tensor) -> Tensor:
        """Logits (M, V)."""
        return nn.functional.linear(self.norm(nn.functional.gelu(self.dense(hidden_MD))), words_VE, self.bias)


class RtdHead(nn.Module):
    """Dense, gelu, one output: was this token replaced? (ELECTRA's discriminator head.)"""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden, config.hidden)
        self.prediction = nn.Linear(config.hidden, 1)
        self.apply(initialize)

    def forward(self, hidden_TD: Tensor) -> Tensor:
        """Logits (T,): above 0 means replaced."""
        logits_T: Tensor = self.prediction(nn.functional.gelu(self.dense(hidden_TD))).squeeze(-1)
        return logits_T


class ClassifyHead(nn.Module):
    """Labels a sequence by its first token's vector.

    `pooler`: dense, tanh, dropout, linear (BERT). `linear`: dropout, linear (ELECTRA as its authors fine-tune
    it). `dense`: dropout, dense, gelu, dropout, linear (ElectraForSequenceClassification). With
    `glorot_output` the last layer starts as theirs does.
    Raises MM0412 if the kind does not fit the encoder.
    """

    def __init__(
        self,
        config: EncoderConfig,
        outputs: int,
        kind: HeadKind | None = None,
        *,
        glorot_output: bool = False,
    ) -> None:
        super().__init__()
        self.kind: HeadKind = kind or HEAD_KINDS[config.arch][0]
        if self.kind not in HEAD_KINDS[config.arch]:
            known = ", ".join(HEAD_KINDS[config.arch])
            raise MalmoiError(Code.HEAD_DOES_NOT_FIT, kind=self.kind, arch=config.arch, known=known)
        self.dropout = config.dropout
        if self.kind == "pooler":
            self.pooler = nn.Linear(config.hidden, config.hidden)
        if self.kind == "dense":
            self.dense = nn.Linear(config.hidden, config.hidden)
        self.classifier = nn.Linear(config.hidden, outputs)
        self.apply(initialize)
        if glorot_output:
            glorot(self.classifier)

    def forward(self, hidden_BD: Tensor) -> Tensor:
        """Logits (B, C)."""
        if self.kind == "pooler":
            hidden_BD = torch.tanh(self.pooler(hidden_BD))
        if self.kind == "dense":
            hidden_BD = dropout(hidden_BD, self.dropout, self.training)
            hidden_BD = nn.functional.gelu(self.dense(hidden_BD))
        logits_BC: Tensor = self.classifier(dropout(hidden_BD, self.dropout, self.training))
        return logits_BC


class MaskedLM(nn.Module):
    """An encoder with `MlmHead`; the output matrix is the encoder's word embeddings (one parameter)."""

    def __init__(self, encoder: Encoder, head: MlmHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch, slots_M: Tensor) -> Tensor:
        """Logits (M, V) at the token indices `slots_M` (int64, into T)."""
        logits_MV: Tensor = self.head(self.encoder(batch, slots_M), self.encoder.embeddings.word.weight)
        return logits_MV


class Discriminator(nn.Module):
    """An encoder with `RtdHead`: the ELECTRA model that is kept."""

    def __init__(self, encoder: Encoder, head: RtdHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch) -> Tensor:
        """Logits (T,) for every token, padding included."""
        logits_T: Tensor = self.head(self.encoder(batch))
        return logits_T


class Classifier(nn.Module):
    """An encoder with `ClassifyHead`."""

    def __init__(self, encoder: Encoder, head: ClassifyHead) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, batch: Batch, firsts_B: Tensor) -> Tensor:
        """Logits (B, C) of the sequences whose first tokens are at `firsts_B` (int64, into T)."""
        logits_BC: Tensor = self.head(self.encoder(batch, firsts_B))
        return logits_BC
