"""A contender's process: reads its Spec, trains, and answers the parent (see `rounds`)."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from against.rounds import Spec

# side → module and function; imported late, for a bare GPU machine may have no transformers.
SIDES = {
    "malmoi": ("ours", "train"),
    "profile": ("ours", "profile"),
    "trainer": ("huggingface", "trainer"),
    "masked-only": ("huggingface", "masked_only"),
    "electra-loop": ("huggingface", "electra_loop"),
    "finetune": ("finetuning", "ours"),
    "finetune-trainer": ("finetuning", "trainer"),
}

if __name__ == "__main__":
    asked = Spec.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
    module, function = SIDES[asked.side]
    getattr(importlib.import_module(f"against.{module}"), function)(asked)
