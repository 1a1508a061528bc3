"""What the tests of the model share: a small shape, our model, and transformers' of the same shape."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from malmoi.model.batch import Batch
from malmoi.model.encoder import Encoder
from malmoi.model.heads import Classifier, ClassifyHead, MaskedLM, MlmHead
from malmoi.model.sizes import EncoderConfig
from tests.tiny.batches import batch_of

SMALL = EncoderConfig(vocab_size=97, hidden=32, layers=2, heads=2, ffn=64, max_positions=24, dropout=0.0)
SEQUENCES = [[2, 17, 33, 4, 8, 3], [2, 90, 3], [2, 5, 6, 7, 41, 42, 43, 44, 3], [2, 60, 61, 3]]


def one_per_row() -> Batch:
    """Each sequence in a padded row of its own, segments and all."""
    return with_segments(batch_of([[s] for s in SEQUENCES], 12))


def packed() -> Batch:
    """The same sequences, two in a row."""
    return with_segments(batch_of([SEQUENCES[:2], SEQUENCES[2:]], 16, sequences=9))


def with_segments(batch: Batch) -> Batch:
    """Tokens from the fourth on are a second text."""
    return Batch(
        batch.ids_T, batch.positions_T, (batch.positions_T > 3).long(), batch.cu_seqlens, batch.row_len
    )


def real_slots(batch: Batch) -> Tensor:
    """Indices of the tokens that are not padding, in the order of SEQUENCES."""
    return (batch.ids_T != 0).nonzero().flatten()


def train(model: torch.nn.Module, loss: object, steps: int = 4) -> None:
    """A few real optimisation steps, large enough to move every weight well away from its start."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        loss().backward()  # type: ignore[operator]
        optimizer.step()


@pytest.fixture
def masked_lm() -> MaskedLM:
    torch.manual_seed(0)
    return MaskedLM(Encoder(SMALL), MlmHead(SMALL))


@pytest.fixture
def classifier() -> Classifier:
    torch.manual_seed(0)
    return Classifier(Encoder(SMALL), ClassifyHead(SMALL, 3))
