"""The models whose rates `gpu.py` claims, and their tiny doubles for a rehearsal on a CPU."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from against.rounds import Spec

# 512 rows: ELECTRA-small's published batch of 128 rows leaves most of an H200 waiting for launches.
# 17m: Ettin's smallest encoder as far as BERT's layout allows; its gated feed-forward of 384 has the weights
# of a plain one of 576, so 768 is more work than theirs.
SHAPES: dict[str, dict[str, Any]] = {
    "base": {"layers": 12, "hidden": 768, "row_len": 512, "rows": 64},
    "electra": {
        "objective": "electra",
        "layers": 12,
        "hidden": 256,
        "embedding": 128,
        "row_len": 128,
        "rows": 512,
    },
    "17m": {"layers": 7, "hidden": 256, "ffn": 768, "row_len": 512, "rows": 128},
}
NAMES = {"base": "bert-base-512", "electra": "electra-small-128", "17m": "encoder-17m-512"}
GOALS = {"base": (500_000, 650_000), "electra": (1_500_000, 2_500_000), "17m": (1_500_000, 3_000_000)}
TINY: dict[str, Any] = {"layers": 2, "hidden": 64, "embedding": None, "ffn": 64, "row_len": 64, "rows": 4}


@dataclass
class Bench:
    """Where contenders find their data and leave their files; `rehearse`: tiny, on a CPU."""

    shards: Path
    work: Path
    rehearse: bool
    names = NAMES

    def spec(self, shape: str, title: str, **fields: Any) -> Spec:
        place = self.work / f"{len(list(self.work.iterdir()))}-{title.replace(' ', '-')}"
        place.mkdir()
        values = {"side": "malmoi", "precision": "bf16", "threads": 4, "warmup": 5, "device": "cuda"}
        values |= SHAPES[shape]
        if self.rehearse:
            values |= TINY | {"threads": 1, "warmup": 1, "device": "cpu"}
            fields["compile"] = False
            fields.pop("rows", None)
        return Spec(name=title, shards=self.shards, work=place, **values | fields)
