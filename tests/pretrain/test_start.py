"""Counting against brute force, and a model started from counts: what it knows before its first update."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.encoder import Block, Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.hf.folder import read_masked_lm, write_model
from malmoi.model.sizes import EncoderConfig, ModelConfig
from malmoi.pretrain.config import PretrainConfig, RunConfig
from malmoi.pretrain.init.cooccurrence import NEIGHBOURS, start_from_counts, word_width
from malmoi.pretrain.init.counts import OFFSETS, Counted, _end_to_end, _links, _shrunk_information, count
from malmoi.pretrain.monitor.probes import frequencies
from malmoi.pretrain.objectives import ElectraConfig
from malmoi.pretrain.objectives.electra.objective import Electra
from malmoi.pretrain.run import pretrain
from malmoi.shards.format import Part
from malmoi.special import SpecialIds
from tests.tiny.batches import batch_of

SPECIAL = SpecialIds()
RESERVED = [0, 1, 2, 3, 4]
CONFIG = EncoderConfig(vocab_size=45, hidden=64, layers=2, heads=4, ffn=128, max_positions=64, dropout=0.0)


def make_part(ids: list[int]) -> Part:
    bounds = np.array([0, len(ids)])
    return Part("part-00000", np.array(ids, np.uint16), np.zeros(len(ids), np.uint8), bounds, bounds)


def cycle(length: int = 6000, entries: int = 40, seed: int = 0) -> list[int]:
    """Text in which a word nearly always has the same successor: 5 → 6 → … → 44 → 5, now and then a jump."""
    rng = np.random.default_rng(seed)
    words = [0]
    for _ in range(length - 1):
        words.append(int(rng.integers(entries)) if rng.random() < 0.05 else (words[-1] + 1) % entries)
    return [word + 5 for word in words]


def synonyms(length: int = 8000) -> list[int]:
    """A cycle of 12 places, each filled by one of three words: word w stands at place (w - 5) // 3."""
    rng = np.random.default_rng(1)
    return [5 + 3 * (i % 12) + int(rng.integers(3)) for i in range(length)]


def counted(ids: list[int], entries: int = 45, width: int = 48) -> Counted:
    return count([make_part(ids)], entries, width, reserved=RESERVED, seed=0)


@pytest.mark.parametrize("offset", OFFSETS)
def test_information_is_counted_pair_by_pair(offset: int) -> None:
    """log((n + 1) / (expected + 1)), two parts apart, an unknown entry (K) in the text."""
    rng = np.random.default_rng(0)
    K, texts = 6, [rng.integers(0, 7, 50).tolist(), rng.integers(0, 7, 3).tolist(), [2]]
    frequency = [sum(text.count(k) for text in texts) for k in range(K)]
    chance = [[a * b / sum(frequency) for b in frequency] for a in frequency]
    pairs = [(t[i], t[i + offset]) for t in texts for i in range(len(t) - offset)]
    wanted = [[math.log((pairs.count((a, b)) + 1) / (chance[a][b] + 1)) for b in range(K)] for a in range(K)]
    given = np.array(chance, np.float32) + 1
    found = _shrunk_information(_end_to_end([np.array(t) for t in texts], K), offset, K, given)
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-5)


def test_words_of_the_same_contexts_have_like_vectors() -> None:
    found = counted(synonyms())
    assert found.known_K.tolist() == list(range(5, 45)), (
        "all but the reserved, also 41 to 44, which do not occur"
    )
    torch.testing.assert_close(found.words_KW.norm(dim=1)[:36], torch.ones(36))
    likeness = (found.words_KW @ found.words_KW.T)[:36, :36]
    same = torch.arange(36)[:, None] // 3 == torch.arange(36)[None] // 3
    assert likeness[same].min() > 0.9 and likeness[~same].max() < 0.5
    np.testing.assert_allclose(found.shares_V, frequencies([make_part(synonyms())], 45), rtol=1e-6)


@pytest.mark.parametrize("offset", [o * sign for o in OFFSETS for sign in (1, -1)])
def test_links_say_which_word_stands_there(offset: int) -> None:
    """In the cycle the word `offset` places after w is w + offset: it gets the highest score of all."""
    found = counted(cycle())
    scores_KK = found.words_KW @ found.links[offset] @ found.words_KW.T
    assert ((scores_KK.argmax(1) - torch.arange(40)) % 40 == offset % 40).float().mean() > 0.95


def test_links_are_what_their_formula_says() -> None:
    rng = np.random.default_rng(0)
    S, E, f = rng.normal(size=(9, 9)), rng.normal(size=(9, 4)), rng.integers(1, 50, 9)
    F = np.diag(f / f.sum())
    gram = E.T @ F @ E
    inverse = np.linalg.inv(gram + 1e-3 * np.trace(gram) / 4 * np.eye(4))
    wanted = inverse @ E.T @ np.sqrt(F) @ S @ np.sqrt(F) @ E @ inverse
    given = {2: torch.from_numpy(S).float()}
    found = _links(given, torch.from_numpy(E).float(), torch.from_numpy(f).float())
    np.testing.assert_allclose(found[2].numpy(), wanted, rtol=1e-3, atol=1e-4)


def test_links_before_are_links_after_turned_round() -> None:
    found = counted(cycle())
    assert sorted(found.links) == [-4, -3, -2, -1, 1, 2, 3, 4]
    assert all(torch.equal(found.links[-o], found.links[o].T) for o in OFFSETS)


def test_counting_is_repeatable() -> None:
    a, b = counted(cycle()), counted(cycle())
    assert torch.equal(a.words_KW, b.words_KW) and all(torch.equal(a.links[o], b.links[o]) for o in a.links)
    c = count([make_part(cycle())], 45, 48, reserved=RESERVED, seed=1)
    assert not torch.allclose(a.words_KW, c.words_KW, atol=0.1), "turned another way"
    torch.testing.assert_close(a.words_KW @ a.words_KW.T, c.words_KW @ c.words_KW.T, rtol=0, atol=1e-2)


def test_a_width_beyond_the_entries_and_reserved_ids_anywhere() -> None:
    """40 entries for 100 dimensions: the rest is empty. Reserved ids may be a peer's."""
    found = counted(cycle(), width=100)
    assert found.words_KW.shape == (40, 100) and found.links[1].shape == (100, 100)
    assert found.words_KW[:, 40:].abs().max() == 0
    assert all(link.isfinite().all() for link in found.links.values())
    odd = count([make_part(cycle())], 45, 16, reserved=[44, 7, 20], seed=0)
    assert odd.known_K.tolist() == [i for i in range(45) if i not in (44, 7, 20)]


# ---- the start


def started(ids: list[int], config: EncoderConfig = CONFIG) -> tuple[MaskedLM, Counted]:
    torch.manual_seed(0)
    model = MaskedLM(Encoder(config), MlmHead(config)).eval()
    found = counted(ids, config.vocab_size, word_width(config))
    start_from_counts(model, found, sep=SPECIAL.sep, seed=0, score=lambda: masked_loss(model, ids)[0])
    return model, found


@torch.no_grad()
def masked_loss(model: MaskedLM, ids: list[int], rows: int = 40) -> tuple[float, float]:
    """Cross-entropy and accuracy of one masked word in the middle of each of some rows."""
    texts = [ids[i * 30 : i * 30 + 30] for i in range(rows)]
    labels = torch.tensor([text[15] for text in texts])
    masked = [[[SPECIAL.cls, *text[:15], SPECIAL.mask, *text[16:], SPECIAL.sep]] for text in texts]
    batch = batch_of(masked, 32)
    logits = model(batch, torch.arange(rows) * 32 + 16)
    right = (logits.argmax(1) == labels).float().mean().item()
    return torch.nn.functional.cross_entropy(logits, labels).item(), right


def test_it_predicts_from_neighbours_before_any_update() -> None:
    """Of 40 equally frequent words (log 40 = 3.69) a random model knows nothing."""
    model, _ = started(cycle())
    loss, right = masked_loss(model, cycle(seed=5))
    fresh = MaskedLM(Encoder(CONFIG), MlmHead(CONFIG)).eval()
    assert loss < math.log(40) - 1.5 and right > 0.7
    assert masked_loss(fresh, cycle(seed=5))[0] > math.log(40) - 0.2


@torch.no_grad()
def test_the_first_block_s_heads_look_at_their_offsets() -> None:
    """Attention from queries and keys by the formula; head h should look NEIGHBOURS[h] places on."""
    config = CONFIG.model_copy(update={"hidden": 128, "embedding": 128})
    model, _ = started(cycle(), config)
    batch = batch_of([[[SPECIAL.cls, *cycle()[:46], SPECIAL.sep]]], 48)
    weights_HLL = attention(model.encoder, batch)
    places = torch.arange(8, 40)
    for head, offset in enumerate(NEIGHBOURS[:4]):
        looked = weights_HLL[head, places].argmax(1) - places
        assert (looked == offset).float().mean() > 0.95, (head, looked)
        assert weights_HLL[head, places, places + offset].mean() > 0.3


def attention(encoder: Encoder, batch: Batch) -> Tensor:
    block, T = encoder.blocks[0], batch.ids_T.numel()
    assert isinstance(block, Block)
    q, k, _ = block.qkv(encoder.embeddings(batch)).view(T, 3, block.heads, -1).unbind(1)
    scores_HTT = torch.einsum("qhd,khd->hqk", q, k) / math.sqrt(q.shape[-1])
    weights: Tensor = scores_HTT.softmax(-1)
    return weights


def test_the_bias_is_the_log_frequency_and_specials_keep_small_vectors() -> None:
    model, found = started(synonyms())
    torch.testing.assert_close(model.head.bias.exp(), found.shares_V)
    words = model.encoder.embeddings.word.weight
    assert words.isfinite().all() and all(p.isfinite().all() for p in model.parameters())
    W = word_width(CONFIG)
    directions = torch.nn.functional.normalize(words[found.known_K, :W], dim=1)
    torch.testing.assert_close(directions, found.words_KW, rtol=0, atol=1e-4)
    assert words[:3, :W].norm(dim=1).max() < 0.5 * words[5:, :W].norm(dim=1).min()


def test_a_started_model_is_a_plain_checkpoint(tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    model, _ = started(cycle())
    write_model(tmp_path, model)
    ids = [2, *cycle()[:9], 4, *cycle()[10:20], 3]
    batch = batch_of([[ids]], len(ids))
    theirs = transformers.BertForMaskedLM.from_pretrained(tmp_path).eval()
    with torch.no_grad():
        wanted = theirs(input_ids=torch.tensor([ids])).logits[0]
        for ours in (model, read_masked_lm(tmp_path).eval()):
            torch.testing.assert_close(ours(batch, torch.arange(len(ids))), wanted, rtol=1e-5, atol=1e-4)


def test_the_same_seed_gives_the_same_start() -> None:
    a, b = started(cycle())[0].state_dict(), started(cycle())[0].state_dict()
    assert all(torch.equal(a[name], b[name]) for name in a)


@torch.no_grad()
def test_the_discriminator_starts_as_the_generator_and_says_the_rate() -> None:
    model_config = ModelConfig(hidden=64, layers=2, heads=4, generator_width=1.0, max_positions=64)
    settings = PretrainConfig(objective=ElectraConfig())
    network = Electra(RunConfig(pretrain=settings, model=model_config), SPECIAL, 45)
    start_from_counts(network.generator, counted(cycle()), sep=SPECIAL.sep, seed=0)
    network.start_from_masked_lm({"replaced_rate": 0.12})
    a, b = network.generator.encoder.state_dict(), network.discriminator.encoder.state_dict()
    assert a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
    assert network.generator.encoder.embeddings is network.discriminator.encoder.embeddings
    assert torch.sigmoid(network.discriminator.head.prediction.bias).item() == pytest.approx(0.12)


@pytest.mark.parametrize(
    "changed",
    [
        {"hidden": 16, "heads": 2},
        {"hidden": 64, "embedding": 32, "generator_width": 0.5},  # the generator alone would fit
        {"hidden": 64, "embedding": 64, "generator_width": 0.5},  # the discriminator alone would fit
    ],
)
def test_shapes_it_does_not_fit_are_refused_before_the_folder_is_taken(
    shards: Path, tmp_path: Path, changed: dict[str, float]
) -> None:
    config = PretrainConfig(
        objective=ElectraConfig(), weight_init="cooccurrence", row_len=32, device="cpu", threads=1
    )
    with pytest.raises(
        MalmoiError, match=r"MM0515.*weight_init=cooccurrence does not fit this shape: hidden \d+"
    ):
        pretrain(
            config, ModelConfig.model_validate(changed | {"max_positions": 32}), shards, tmp_path / "run"
        )
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(("hidden", "heads"), [(64, 1), (32, 8)])
@torch.no_grad()
def test_one_head_or_very_narrow_ones(hidden: int, heads: int) -> None:
    """A lone head is wider than a word's dimensions; the least a head may have is 4."""
    config = EncoderConfig(
        vocab_size=45, hidden=hidden, layers=2, heads=heads, ffn=128, max_positions=64, dropout=0.0
    )
    model = MaskedLM(Encoder(config), MlmHead(config))
    start_from_counts(model, counted(cycle(), 45, word_width(config)), sep=SPECIAL.sep, seed=0)
    assert all(parameter.isfinite().all() for parameter in model.parameters())
    with pytest.raises(MalmoiError, match="MM0515"):
        word_width(config.model_copy(update={"heads": hidden // 2}))


def test_widths() -> None:
    for hidden, wanted in ((32, 24), (64, 48), (256, 192), (768, 576)):
        config = EncoderConfig(vocab_size=10, hidden=hidden, heads=2)
        assert word_width(config) == wanted
    with pytest.raises(MalmoiError, match=r"MM0515.*hidden 24, embedding 24"):
        word_width(EncoderConfig(vocab_size=10, hidden=24, heads=2))
