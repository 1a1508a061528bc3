"""ELECTRA's loss against a loop over rows and tokens; what is tied, what gets gradients, what is on disk."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.sizes import ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.data.batches import Feed
from malmoi.pretrain.data.packing import RowTable
from malmoi.pretrain.data.segments import Pairing
from malmoi.pretrain.monitor.probes import idle_weights, lost_weights, untied
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.electra.objective import Electra, ElectraBatch
from malmoi.pretrain.objectives.electra.sampling import gumbel
from malmoi.pretrain.objectives.protocol import add_counts
from malmoi.shards.format import Part
from malmoi.special import SpecialIds
from malmoi.training.step import add
from tests.tiny.batches import batch_of

SPECIAL = SpecialIds()
V, L = 60, 24
RUN = RunConfig(
    pretrain=PretrainConfig(objective=ElectraConfig(), row_len=L, mask_rate=0.4),
    model=ModelConfig(
        hidden=32, heads=2, layers=2, embedding=16, generator_width=0.5, max_positions=L, dropout=0.0
    ),
)


def make_feed(objective: Electra, micro_batch_size: int = 0, rows: int = 6) -> Feed[ElectraBatch]:
    """Rows of one to three short documents, full and not so full, some of the documents pairs."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 20, 60)
    bounds = np.cumsum([0, *lengths])
    ids = rng.integers(5, V, bounds[-1]).astype(np.uint16)
    part = Part("part-00000", ids, np.zeros(len(ids), np.uint8), bounds, bounds)
    firsts, used = [0], 0
    for number, length in enumerate(lengths.tolist()):
        if used and (used + length + 2 > L or rng.random() < 0.3):
            firsts.append(number)
            used = 0
        used += length + 2
    cut = bounds[:-1], lengths.astype(np.int32), np.array([*firsts, len(lengths)])
    table = RowTable([part], [cut], L)
    run = objective.made_of[0]
    collator = Electra.collator(*objective.made_of)
    rate = run.pretrain.mask_rate
    return Feed(table, collator, SPECIAL, 5, rate, rows, micro_batch_size, Pairing(0.4, 0.0))


def make(run: RunConfig = RUN) -> Electra:
    torch.manual_seed(0)
    objective = Electra(run, SPECIAL, V)
    with torch.no_grad():  # new biases are 0 and a new generator is nearly uniform
        for parameter in objective.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return objective


def by_hand(objective: Electra, batches: list[ElectraBatch]) -> dict[str, float]:
    """Sums of both losses over all rows of a global batch, one sequence and one token at a time."""
    out = {"generator": 0.0, "slots": 0, "discriminator": 0.0, "tokens": 0, "replaced": 0}
    for batch in batches:
        cap = len(batch.slots_M) // batch.text.rows
        for r in range(batch.text.rows):
            ids = batch.text.ids_T[r * L : (r + 1) * L].tolist()
            types = batch.text.segments_T[r * L : (r + 1) * L].tolist()
            masked = batch.masked_ids_T[r * L : (r + 1) * L].tolist()
            corrupted = list(ids)
            sampled: dict[int, int] = {}
            for m in range(r * cap, (r + 1) * cap):
                if batch.weights_M[m] == 0:
                    continue
                place = int(batch.slots_M[m]) - r * L
                start, sequence = around(ids, masked, types, place)
                logits_V = objective.generator(sequence, torch.tensor([place - start]))[0]
                out["generator"] -= logits_V.double().log_softmax(0)[ids[place]].item()
                out["slots"] += 1
                if place not in sampled:
                    noise = gumbel(batch.keys_M[m : m + 1], V)[0]
                    sampled[place] = int((logits_V / objective.settings.temperature + noise).argmax())
                corrupted[place] = sampled[place]
            for place, token in enumerate(ids):
                if token == SPECIAL.pad:
                    continue
                start, sequence = around(ids, corrupted, types, place)
                p = torch.sigmoid(objective.discriminator(sequence)[place - start].double()).item()
                replaced = corrupted[place] != token
                out["discriminator"] -= math.log(p if replaced else 1 - p)
                out["tokens"] += 1
                out["replaced"] += replaced
    return out


def around(text: list[int], ids: list[int], types: list[int], place: int) -> tuple[int, Batch]:
    """The sequence of `ids` that holds `place`, alone in a batch, and its start. In `text` one goes from its
    [CLS] to the next, or to the padding."""
    start = max(i for i in range(place + 1) if text[i] == SPECIAL.cls)
    ends = [i for i in range(start + 1, L) if text[i] in (SPECIAL.cls, SPECIAL.pad)]
    end = min(ends, default=L)
    batch = batch_of([[ids[start:end]]], end - start)
    return start, replace(batch, segments_T=torch.tensor(types[start:end]))


def total(objective: Electra, batches: list[ElectraBatch]) -> tuple[Tensor, Any]:
    sums: dict[str, Tensor] = {}
    loss = torch.zeros((), dtype=torch.float64)
    for batch in batches:
        part = objective(batch, add_counts(batches))
        loss, sums = loss + part.total, add(sums, part.sums)
    return loss, objective.metrics(sums)


@pytest.mark.parametrize(
    ("weights", "temperature"), [((1.0, 50.0), 1.0), ((3.0, 7.0), 0.5)], ids=["the paper's", "others"]
)
@torch.no_grad()
def test_the_loss_is_the_loop_s(weights: tuple[float, float], temperature: float) -> None:
    changed = {"generator_weight": weights[0], "discriminator_weight": weights[1], "temperature": temperature}
    if temperature == 1.0:  # these are the defaults
        changed = {}
    settings = ElectraConfig.model_validate(changed)
    run = RUN.model_copy(update={"pretrain": RUN.pretrain.model_copy(update={"objective": settings})})
    objective = make(run)
    objective.eval()
    batches = make_feed(objective, micro_batch_size=4).batch(0)
    assert len(batches) == 2
    wanted = by_hand(objective, batches)
    loss, metrics = total(objective, batches)
    means = wanted["generator"] / wanted["slots"], wanted["discriminator"] / wanted["tokens"]
    assert loss.item() == pytest.approx(weights[0] * means[0] + weights[1] * means[1], rel=1e-5)
    assert metrics["loss"] == pytest.approx(loss.item(), rel=1e-6)
    assert metrics["generator_loss"] == pytest.approx(means[0], rel=1e-5)
    assert metrics["discriminator_loss"] == pytest.approx(means[1], rel=1e-5)
    assert metrics["replaced_rate"] == wanted["replaced"] / wanted["tokens"] > 0.1


def test_the_rows_have_what_the_loop_must_meet() -> None:
    """Several sequences, pairs, padding, positions drawn twice, samples that are the original."""
    objective = make()
    [batch] = make_feed(objective, rows=40).batch(0)
    assert (batch.text.segments_T == 1).any() and (batch.real_T == 0).any()
    assert (batch.text.positions_T == 0).sum() > 70 and (batch.weights_M == 0).any()
    repeated = batch.firsts_M != torch.arange(len(batch.firsts_M))
    assert (repeated & (batch.weights_M > 0)).sum() > 20
    with torch.no_grad():
        samples_M = objective.sample(objective.generator(batch.text, batch.slots_M), batch)
    right = (samples_M == batch.labels_M) & (batch.weights_M > 0)
    _, replaced_T = objective.corrupt(batch, samples_M)
    assert right.any() and replaced_T[batch.slots_M[right]].sum() == 0


def test_samples_go_into_the_original_text() -> None:
    """Every slot gets its sample, also the 15 % that kept their token; nowhere does [MASK] stay; padding and
    special tokens are never touched; a position drawn twice gets one sample."""
    objective = make()
    [batch] = make_feed(objective, rows=40).batch(0)
    drawn_M = torch.arange(len(batch.slots_M)) % (V - 5) + 5
    corrupted_T, replaced_T = objective.corrupt(batch, drawn_M[batch.firsts_M])
    first: dict[int, int] = {}
    for m, slot in enumerate(batch.slots_M.tolist()):
        if batch.weights_M[m] > 0:
            first.setdefault(slot, int(drawn_M[m]))
    expected = [first.get(t, token) for t, token in enumerate(batch.text.ids_T.tolist())]
    assert corrupted_T.tolist() == expected
    assert replaced_T.tolist() == [float(a != b) for a, b in zip(expected, batch.text.ids_T, strict=True)]
    assert SPECIAL.mask in batch.masked_ids_T and SPECIAL.mask not in corrupted_T
    kept = (batch.masked_ids_T[batch.slots_M] != SPECIAL.mask) & (batch.weights_M > 0)
    assert replaced_T[batch.slots_M[kept]].any()
    assert (corrupted_T[batch.text.ids_T < 5] == batch.text.ids_T[batch.text.ids_T < 5]).all()


def test_micro_batches_change_rounding_only() -> None:
    """Counts are of the global batch, so 6 rows at once, in fours and one by one give one loss and one
    gradient, though the parts have different numbers of slots and tokens."""
    found = []
    for micro_batch_size in (0, 4, 1):
        objective = make()
        batches = make_feed(objective, micro_batch_size).batch(0)
        loss, _ = total(objective, batches)
        loss.backward()  # type: ignore[no-untyped-call]
        found.append((loss.item(), {n: p.grad for n, p in objective.named_parameters()}))
    assert len({tuple(batch.counts.values()) for batch in batches}) > 3
    for loss_value, gradients in found[1:]:
        assert loss_value == pytest.approx(found[0][0], rel=1e-6)
        for name, gradient in gradients.items():
            torch.testing.assert_close(gradient, found[0][1][name], rtol=1e-4, atol=1e-6)


def test_what_stands_in_the_padding_is_irrelevant() -> None:
    objective = make()
    [batch] = make_feed(objective).batch(0)
    other = torch.where(batch.real_T > 0, batch.text.ids_T, 17)
    odd = replace(
        batch,
        text=replace(batch.text, ids_T=other),
        masked_ids_T=torch.where(batch.real_T > 0, batch.masked_ids_T, 23),
    )
    with torch.no_grad():
        a, b = total(objective, [batch])[0], total(objective, [odd])[0]
    assert (batch.real_T == 0).sum() > 5 and a.item() == pytest.approx(b.item(), rel=1e-6)


def test_the_discriminator_s_loss_reaches_the_shared_embeddings_only() -> None:
    """Nothing flows back through a sample; each loss reaches what it should."""
    for weights, idle in (((0.0, 50.0), "generator"), ((1.0, 0.0), "discriminator")):
        objective = make()
        values = {"generator_weight": weights[0], "discriminator_weight": weights[1]}
        objective.settings = objective.settings.model_copy(update=values)  # 0 is for this test alone
        loss, _ = total(objective, make_feed(objective).batch(0))
        loss.backward()  # type: ignore[no-untyped-call]
        moved = {name for name, p in objective.named_parameters() if p.grad is not None and p.grad.any()}
        still = {name for name, _ in objective.named_parameters()} - moved
        shared = {n for n, _ in objective.named_parameters() if ".embeddings." in n}
        assert len(shared) == 5 and shared <= moved
        assert still == {n for n, _ in objective.named_parameters() if n.startswith(idle)} - shared
        assert set(idle_weights(objective)) == still


def test_tied_weights_are_one_parameter() -> None:
    objective = make()
    ours, theirs = objective.discriminator.encoder.embeddings, objective.generator.encoder.embeddings
    assert ours is theirs and untied(objective, objective.tied_parameters) == []
    names = [name for name, _ in objective.named_parameters()]
    assert sum(".embeddings." in name for name in names) == 5
    objective.generator.encoder.embeddings = make().generator.encoder.embeddings
    assert len(untied(objective, objective.tied_parameters)) == 5


def test_a_step_moves_the_shared_embeddings_once_for_both() -> None:
    """The gradient of a shared weight is the sum of both losses' gradients."""
    word = "discriminator.encoder.embeddings.word.weight"
    gradients = []
    for weights in ((1.0, 50.0), (1.0, 0.0), (0.0, 50.0)):
        objective = make()
        values = {"generator_weight": weights[0], "discriminator_weight": weights[1]}
        objective.settings = objective.settings.model_copy(update=values)
        total(objective, make_feed(objective).batch(0))[0].backward()  # type: ignore[no-untyped-call]
        gradients.append(dict(objective.named_parameters())[word].grad)
    both, generator, discriminator = gradients
    assert both is not None and generator is not None and discriminator is not None
    torch.testing.assert_close(both, generator + discriminator, rtol=1e-4, atol=1e-6)


def test_both_folders_come_back_tied_and_open_in_transformers(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    objective = make()
    objective.write(tmp_path)
    back = Electra.read(tmp_path, *objective.made_of)
    assert back.generator.encoder.embeddings is back.discriminator.encoder.embeddings
    assert lost_weights(objective, tmp_path) == []
    d = transformers.ElectraForPreTraining.from_pretrained(tmp_path).eval()
    g = transformers.ElectraForMaskedLM.from_pretrained(tmp_path / "generator").eval()
    a, b = d.electra.embeddings.state_dict(), g.electra.embeddings.state_dict()
    assert a and all(torch.equal(a[name], b[name]) for name in a)
    ids = [2, 9, 14, 4, 33, 3, 8, 21, 3]
    types = [0] * 6 + [1] * 3
    batch = replace(batch_of([[ids]], 9), segments_T=torch.tensor(types))
    given = {"input_ids": torch.tensor([ids]), "token_type_ids": torch.tensor([types])}
    objective.eval()
    with torch.no_grad():
        torch.testing.assert_close(objective.discriminator(batch), d(**given).logits[0], rtol=0, atol=1e-5)
        torch.testing.assert_close(
            objective.generator(batch, torch.arange(9)), g(**given).logits[0], rtol=0, atol=1e-5
        )


def test_a_generator_of_another_run_is_refused(tmp_path: Path) -> None:
    objective = make()
    objective.write(tmp_path)
    with torch.no_grad():
        objective.generator.encoder.embeddings.position.weight[3] += 1e-3
    objective.write(tmp_path / "other")
    (tmp_path / "generator").rename(tmp_path / "old")
    (tmp_path / "other" / "generator").rename(tmp_path / "generator")
    with pytest.raises(MalmoiError, match=r"MM0413.*embeddings\.position\.weight differs between"):
        Electra.read(tmp_path, *objective.made_of)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"layers": 3}, "the checkpoint's layers is 2, and the recipe asks for 3"),
        ({"generator_width": 1.0}, "the checkpoint's hidden is 16, and the recipe asks for 32"),
    ],
)
def test_a_checkpoint_of_another_shape(tmp_path: Path, changed: dict[str, Any], told: str) -> None:
    objective = make()
    objective.write(tmp_path)
    run = RUN.model_copy(update={"model": RUN.model.model_copy(update=changed)})
    with pytest.raises(MalmoiError, match=f"MM0507.*{told}"):
        Electra.read(tmp_path, run, SPECIAL, V)


def test_the_generator_is_as_deep_and_narrower() -> None:
    """get_generator_config: width, heads and feed-forward shrink, depth and embeddings do not."""
    objective = make()
    ours, theirs = objective.shape, objective.generator_shape
    assert (theirs.layers, theirs.embedding) == (ours.layers, ours.embedding)
    assert (theirs.hidden, theirs.ffn, theirs.heads) == (16, 64, 1)
    small = ModelConfig(size="electra-small").resolve(vocab_size=100, pad_id=0, arch="electra")
    generator = ModelConfig(size="electra-small").resolve_generator(small)
    assert (small.layers, small.hidden, small.embedding, small.heads, small.ffn) == (12, 256, 128, 4, 1024)
    assert (generator.layers, generator.hidden, generator.heads, generator.ffn) == (12, 64, 1, 256)
    assert json.loads(generator.model_dump_json())["embedding"] == 128
