"""malmoi (말모이) builds Korean language encoders: raw text in, an answering BERT out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from malmoi.predict.predictor import Predictor

__version__ = "0.1.0"
__all__ = ["__version__", "load"]


def load(path: str | Path) -> Predictor:
    """Open a fine-tuned model folder; `load(path).predict(["문장", …])` answers."""
    from malmoi.predict.predictor import Predictor  # late: `import malmoi` must not import torch

    return Predictor.open(Path(path))
