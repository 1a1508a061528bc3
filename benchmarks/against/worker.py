"""A contender's process: reads its Spec, trains, and answers the parent (see `rounds`)."""

from __future__ import annotations

import sys
from pathlib import Path

from against import huggingface, ours
from against.rounds import Spec

SIDES = {
    "malmoi": ours.train,
    "profile": ours.profile,
    "trainer": huggingface.trainer,
    "masked-only": huggingface.masked_only,
    "electra-loop": huggingface.electra_loop,
}

if __name__ == "__main__":
    asked = Spec.model_validate_json(Path(sys.argv[1]).read_text("utf-8"))
    SIDES[asked.side](asked)
