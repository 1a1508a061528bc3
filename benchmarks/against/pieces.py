"""A checkpoint in pieces small enough to be sent: bf16 tensors in files below a limit, the rest in one zip.

`split` leaves `model-N.safetensors` and `rest.zip` in a folder; `join` makes a checkpoint folder again, in
fp32, that `malmoi finetune` and transformers open. The optimizer's state and the digests stay behind.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

LIMIT = 15_000_000  # bytes of tensors in a piece
REST = "rest.zip"
SENT = ("state", "checkpoint.json")  # not sent


def split(checkpoint: Path, out: Path, limit: int = LIMIT) -> list[Path]:
    """Write the pieces of `checkpoint` into `out`; returns them."""
    files = [p for p in sorted(checkpoint.rglob("*")) if p.is_file()]
    files = [p for p in files if p.relative_to(checkpoint).parts[0] not in SENT]
    written = [out / REST]
    with zipfile.ZipFile(out / REST, "w", zipfile.ZIP_DEFLATED) as rest:
        for path in files:
            if path.suffix != ".safetensors":
                rest.write(path, path.relative_to(checkpoint))
    piece: dict[str, Tensor] = {}
    size = 0

    def write() -> None:
        written.append(out / f"model-{len(written)}.safetensors")
        save_file(piece, written[-1])

    for name, part in _parts(checkpoint, files, limit):
        if piece and size + part.nbytes > limit:
            write()
            piece, size = {}, 0
        piece[name] = part
        size += part.nbytes
    write()
    return written


def join(pieces: Path, out: Path) -> None:
    """Put the pieces in the folder `pieces` together to a checkpoint in `out`."""
    out.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(pieces / REST) as rest:
        rest.extractall(out)
    parts: dict[str, dict[str, dict[int, Tensor]]] = {}
    for path in sorted(pieces.glob("model-*.safetensors")):
        with safe_open(path, framework="pt") as stored:
            for key in stored.keys():  # noqa: SIM118 - not a dict
                file, name, row = key.split("|")
                parts.setdefault(file, {}).setdefault(name, {})[int(row)] = stored.get_tensor(key)
    for file, tensors in parts.items():
        whole = {n: torch.cat([rows[r] for r in sorted(rows)]).float() for n, rows in tensors.items()}
        save_file(whole, out / file, metadata={"format": "pt"})


def _parts(checkpoint: Path, files: list[Path], limit: int) -> Iterator[tuple[str, Tensor]]:
    """Every tensor in bf16 as FILE|NAME|FIRST ROW, cut along its first dimension where it is too large."""
    for path in files:
        if path.suffix != ".safetensors":
            continue
        with safe_open(path, framework="pt") as stored:
            for name in stored.keys():  # noqa: SIM118 - not a dict
                tensor = stored.get_tensor(name).bfloat16()
                rows = max(1, limit // max(1, tensor[:1].nbytes))
                for first in range(0, len(tensor), rows):
                    key = f"{path.relative_to(checkpoint)}|{name}|{first}"
                    yield key, tensor[first : first + rows].contiguous()
