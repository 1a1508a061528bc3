"""Layer-wise learning rates: the further a weight is from the output, the smaller its steps.

A weight at depth k learns at rate · decay^k. The depths are counted in one of two ways:

- `right`, as the papers say (Howard and Ruder 2018, arXiv 1801.06146; Clark et al. 2020, arXiv 2003.10555):
  head 0, top block 1, the next 2, …, the n-th n, embeddings n + 1.
- `published`, as google-research/electra computes it (`_get_layer_lrs` in model/optimization.py: counted from
  below, the task head is number n + 2 and the top block only n): head 0, top block 2, …, embeddings n + 2. No
  weight is at depth 1, so every rate below the head is one decay smaller: .8^14 = .044 at the embeddings of
  a 12-block model. The authors confirmed the slip (issues 51 and 64) and their numbers come from it, so it is
  kept for comparing with them.

"Embeddings" are the word, position and type embeddings, their LayerNorm, and ELECTRA's projection.
"""

from __future__ import annotations

import re
from typing import Any, Literal

from torch import nn

Depth = Literal["right", "published"]
_BLOCK = re.compile(r"encoder\.blocks\.(\d+)\.")


def layer_depth(name: str, blocks: int, depth: Depth = "right") -> int:
    """How far the weight called `name` in a `Classifier` of `blocks` blocks is from the output."""
    skipped = 1 if depth == "published" else 0
    name = name.replace("_orig_mod.", "")  # a compiled block's weights carry its wrapper's name
    if name.startswith("head."):
        return 0
    if block := _BLOCK.match(name):
        return blocks - int(block[1]) + skipped
    if name.startswith(("encoder.embeddings.", "encoder.project.")):
        return blocks + 1 + skipped
    raise ValueError(f"no depth is known for the weight {name}")


def layer_groups(
    model: nn.Module, *, blocks: int, weight_decay: float, decay: float = 1.0, depth: Depth = "right"
) -> list[dict[str, Any]]:
    """AdamW's parameter groups: matrices decay, biases and LayerNorm do not.

    Each has `share`, what of the current rate it learns at. With `decay` 1 there are two groups.
    """
    groups: dict[tuple[int, bool], dict[str, Any]] = {}
    for name, parameter in model.named_parameters():
        far = layer_depth(name, blocks, depth) if decay != 1 else 0
        matrix = parameter.ndim >= 2
        group = groups.setdefault(
            (far, not matrix),
            {"params": [], "weight_decay": weight_decay if matrix else 0.0, "share": decay**far},
        )
        group["params"].append(parameter)
    return [groups[key] for key in sorted(groups)]
