"""A model's outputs for encoded texts: dev, test and `predict` all use this, so they cannot disagree."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from malmoi.finetune.batches import Encoded, lay_flat, within_budget
from malmoi.model.heads import Classifier
from malmoi.progress import Step
from malmoi.training.step import autocast

# Shapes: N rows, C outputs, B rows of a batch.


def model_outputs(
    model: Classifier,
    encoded: Encoded,
    *,
    device: torch.device,
    tokens_per_batch: int,
    dtype: torch.dtype = torch.float32,
    step: Step | None = None,
) -> NDArray[np.float32]:
    """(N, C) what the head gives, without dropout. The model is left in evaluation mode."""
    model.eval()
    width = model.head.classifier.out_features
    outputs_NC = np.zeros((len(encoded), width), np.float32)
    with torch.inference_mode():
        for rows_B in within_budget(np.arange(len(encoded)), encoded.lengths, tokens_per_batch):
            batch, firsts_B = lay_flat(encoded, rows_B)
            with autocast(device, dtype):
                outputs_BC = model(batch.to(device), firsts_B.to(device))
            outputs_NC[rows_B] = outputs_BC.float().cpu().numpy()
            if step is not None:
                step.advance(len(rows_B))
    return outputs_NC
