"""What the objectives tell of their losses, and how rows are laid out for the model, counted by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from malmoi.pretrain.data.packing import RowBlock
from malmoi.pretrain.data.random_bits import random_bits
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.electra.objective import PROBED, Electra, ElectraBatch
from malmoi.pretrain.objectives.masked import MaskedBatch
from malmoi.pretrain.objectives.mlm.objective import Mlm
from malmoi.pretrain.objectives.protocol import add_counts, lay_flat
from malmoi.training.step import add

from . import test_electra, test_feed

L = test_electra.L


def rows_of(sequences: list[list[int]], row_len: int, most: int) -> RowBlock:
    ids = np.arange(len(sequences) * row_len).reshape(-1, row_len)
    totals = np.array([sum(lengths) for lengths in sequences])
    middles = [[0] * len(row) for row in sequences]
    return RowBlock(ids, ids % 7, ids % 2, totals, sequences, most, middles, np.zeros(ids.shape, np.uint8))


def test_sequences_and_tails_of_flat_rows() -> None:
    """Room for two sequences and a tail in each of three rows, the last bound at the end of all."""
    block = rows_of([[5, 3], [8], [4, 2]], 8, most=2)
    batch = lay_flat(block, block.ids_RL)
    assert batch.cu_seqlens.tolist() == [0, 5, 8, 16, 20, 22, 24, 24, 24, 24]
    assert (batch.ids_T.tolist(), batch.row_len) == (list(range(24)), 8)
    assert batch.positions_T.tolist() == [i % 7 for i in range(24)]
    assert batch.segments_T.tolist() == [i % 2 for i in range(24)]


@torch.no_grad()
def test_the_masked_lm_s_loss_and_accuracy() -> None:
    """Two micro-batches of a global batch: every slot counts once, whichever part it is in."""
    feed = test_feed.make(batch_size=5, micro_batch_size=3)
    torch.manual_seed(0)
    objective = Mlm(*test_feed.MADE_OF).eval()
    for parameter in objective.parameters():
        parameter += 0.1 * torch.randn_like(parameter)
    batches: list[MaskedBatch] = feed.batch(0)
    summed, slots = 0.0, 0
    answers = []
    for batch in batches:
        logs = objective.network(batch.text, batch.slots_M).double().log_softmax(1)
        used = (batch.weights_M > 0).tolist()
        for m in (m for m, is_used in enumerate(used) if is_used):
            summed -= logs[m, batch.labels_M[m]].item()
            answers.append(int(logs[m].argmax()))
            slots += 1
    assert slots == 5 * 3 and add_counts(batches) == {"slots": 15.0}
    first = batches[0]
    # As if the model had known the first answers: they are counted as right.
    knowing = replace(first, labels_M=torch.tensor([*answers[:4], *first.labels_M[4:].tolist()]))
    parts = [objective(batch, add_counts(batches)) for batch in batches]
    assert sum(part.total.item() for part in parts) == pytest.approx(summed / 15, rel=1e-5)
    metrics = objective.metrics(add(parts[0].sums, parts[1].sums))
    right = sum(a == b for a, b in zip(answers, [int(x) for b in batches for x in b.labels_M], strict=True))
    assert metrics == {"loss": pytest.approx(summed / 15, rel=1e-5), "accuracy": right / 15}
    known = objective.metrics(objective(knowing, {"slots": 9.0}).sums)
    missed = sum(a != int(b) for a, b in zip(answers[4:9], first.labels_M[4:], strict=True))
    assert known["accuracy"] == pytest.approx((9 - missed) / 9) and known["accuracy"] > right / 15


@torch.no_grad()
def test_a_slot_that_is_not_used_adds_nothing() -> None:
    feed = test_feed.make(batch_size=2)
    [batch] = feed.batch(0)
    torch.manual_seed(0)
    objective = Mlm(*test_feed.MADE_OF).eval()
    logs = objective.network(batch.text, batch.slots_M).log_softmax(1)
    labels = logs.argmax(1)
    half = replace(batch, labels_M=labels, weights_M=torch.tensor([1.0, 0.0] * 3))
    found = objective(half, {"slots": 3.0})
    assert found.total.item() == pytest.approx(-logs.max(1).values[::2].mean().item(), rel=1e-5)
    assert (found.sums["slots"].item(), found.sums["accuracy"].item()) == (3.0, 3.0)


def test_slots_are_places_in_all_rows_of_a_micro_batch() -> None:
    feed = test_feed.make(batch_size=5)
    [batch] = feed.batch(2)
    text_T = feed.block(batch.rows_R).ids_RL.ravel()
    assert text_T[batch.slots_M.numpy()].tolist() == batch.labels_M.tolist()
    assert sorted({int(slot) // 16 for slot in batch.slots_M}) == [0, 1, 2, 3, 4]
    with_masks = batch.text.ids_T.numpy()
    assert set(np.flatnonzero(with_masks != text_T)) <= set(batch.slots_M.tolist())


@torch.no_grad()
@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_what_is_told_of_the_generator_s_samples(temperature: float) -> None:
    settings = ElectraConfig(temperature=temperature)
    changed = test_electra.RUN.pretrain.model_copy(update={"objective": settings})
    run = test_electra.RUN.model_copy(update={"pretrain": changed})
    objective = test_electra.make(run)
    with torch.no_grad():
        objective.generator.head.bias += 3 * torch.randn(
            test_electra.V, generator=torch.Generator().manual_seed(1)
        )
    objective.eval()
    batches = test_electra.make_feed(objective, micro_batch_size=12, rows=24).batch(0)
    told = test_electra.total(objective, batches)[1]
    by_hand = told_by_hand(objective, batches)
    assert {name: told[name] for name in by_hand} == pytest.approx(by_hand, rel=1e-4, abs=1e-6)
    assert told["sampled_rate"] == pytest.approx(told["replaced_rate"], abs=1e-9)
    assert 0 < by_hand["sample_accuracy"] < 1 and 0 < by_hand["generator_accuracy"] < 1


def told_by_hand(objective: Electra, batches: list[ElectraBatch]) -> dict[str, float]:
    """Slot by slot: what the generator would say, what was drawn, and how surprising that was to it."""
    slots = right = drawn_right = sampled = probed = tokens = 0
    surprise = 0.0
    for batch in batches:
        logits_MV = objective.generator(replace(batch.text, ids_T=batch.masked_ids_T), batch.slots_M).double()
        samples = objective.sample(logits_MV.float(), batch).tolist()
        tokens += int(batch.real_T.sum())
        seen: set[int] = set()
        for m in range(len(samples)):
            if batch.weights_M[m] == 0:
                continue
            label, slot = int(batch.labels_M[m]), int(batch.slots_M[m])
            slots += 1
            right += int(logits_MV[m].argmax()) == label
            drawn_right += samples[m] == label
            sampled += samples[m] != label and slot not in seen
            seen.add(slot)
            if m < PROBED:
                share_V = (logits_MV[m] / objective.settings.temperature).softmax(0)
                entropy = -sum(p * np.log(p) for p in share_V.tolist())
                surprise += -np.log(share_V[samples[m]].item()) - entropy
                probed += 1
    assert slots > probed > 20
    return {
        "generator_accuracy": right / slots,
        "sample_accuracy": drawn_right / slots,
        "sampled_rate": sampled / tokens,
        "sample_surprise": float(surprise) / probed,
    }


def test_the_keys_of_the_noise() -> None:
    """The upper half of 64 random bits of (seed, 4, row, slot), and so none of two slots alike."""
    objective = test_electra.make()
    feed = test_electra.make_feed(objective)
    [batch] = feed.batch(3)
    assert batch.rows_R.tolist() == list(range(18, 24))
    keys = batch.keys_M.numpy().view(np.uint32).reshape(6, -1)
    wanted = [[int(random_bits(5, 4, r, c)) >> 32 for c in range(keys.shape[1])] for r in range(18, 24)]
    assert keys.tolist() == wanted


def test_the_flops_of_electra_are_those_that_torch_counts() -> None:
    objective = test_electra.make()
    [batch] = test_electra.make_feed(objective).batch(0)
    asked = len(batch.slots_M) / len(batch.text.ids_T)
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        objective(batch, batch.counts).total.backward()  # type: ignore[no-untyped-call]
    claimed = objective.flops_per_token(L, asked) * len(batch.text.ids_T)
    assert claimed == pytest.approx(counter.get_total_flops(), rel=1e-6)
