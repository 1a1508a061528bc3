"""Batches through memory that two processes share: the arrays lie in a slot, what is left is a small message.

`put` copies every tensor and array of a batch into a slot and gives the batch with `Place`s instead of them;
`get` makes the batch again, of views of the slot or of a copy of it on a GPU.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ALIGNED = 64  # bytes: a line of the cache, and more than any kernel asks for


@dataclass(frozen=True, slots=True)
class Place:
    """Which bytes of a slot an array is. `kept`: it is numpy's and stays on the host, copied."""

    start: int
    end: int
    shape: tuple[int, ...]
    dtype: str
    kept: bool


def size_of(batch: Any) -> int:
    """Bytes of a slot that holds `batch`."""
    return sum(-(-array.nbytes // ALIGNED) * ALIGNED for array in _arrays(batch))


def put(batch: Any, slot: NDArray[np.uint8]) -> Any:
    """Copy the arrays of `batch` (dataclasses, lists) into `slot`. Raises ValueError if they do not fit."""
    at = 0

    def place(array: NDArray[Any], kept: bool) -> Place:
        nonlocal at
        found = Place(at, at + array.nbytes, array.shape, array.dtype.name, kept)
        if found.end > len(slot):
            raise ValueError(f"a batch of {found.end} bytes or more in a slot of {len(slot)}")
        slot[at : found.end].view(array.dtype)[:] = array.ravel()
        at = -(-found.end // ALIGNED) * ALIGNED
        return found

    def walk(item: Any) -> Any:
        if isinstance(item, Tensor):
            return place(item.numpy(), False)
        if isinstance(item, np.ndarray):
            return place(item, True)
        return _rebuilt(item, walk)

    return walk(batch)


def get(message: Any, slot_U: Tensor, *, device: torch.device) -> Any:
    """The batch that `put` took apart; `slot_U` are the slot's bytes. On a CPU its tensors are views of them;
    on a GPU of one copy, made from pinned memory without waiting."""
    there_U = slot_U
    if device.type == "cuda":
        # torch keeps pinned memory until the copies from it are done, so the slot itself is free at once.
        pinned_U = torch.empty(len(slot_U), dtype=torch.uint8, pin_memory=True).copy_(slot_U)
        there_U = pinned_U.to(device, non_blocking=True)

    def walk(item: Any) -> Any:
        if isinstance(item, Place):
            bytes_U = (slot_U if item.kept else there_U)[item.start : item.end]
            tensor = bytes_U.view(getattr(torch, item.dtype))
            if len(item.shape) != 1:
                tensor = tensor.view(item.shape)
            return tensor.numpy().copy() if item.kept else tensor
        return _rebuilt(item, walk)

    return walk(message)


def _rebuilt(item: Any, walk: Any) -> Any:
    """Lists and dataclasses with `walk` applied to what is in them; anything else as it is."""
    if isinstance(item, list):
        return [walk(one) for one in item]
    if dataclasses.is_dataclass(item) and not isinstance(item, type):
        names = [field.name for field in dataclasses.fields(item)]
        return dataclasses.replace(item, **{name: walk(getattr(item, name)) for name in names})
    return item


def _arrays(item: Any) -> Iterator[NDArray[Any]]:
    if isinstance(item, Tensor):
        yield item.numpy()
    elif isinstance(item, np.ndarray):
        yield item
    elif isinstance(item, list):
        for one in item:
            yield from _arrays(one)
    elif dataclasses.is_dataclass(item):
        for field in dataclasses.fields(item):
            yield from _arrays(getattr(item, field.name))
