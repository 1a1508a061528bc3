"""Sizes, costs, initial weights, isolation of sequences, and that blocks can be compiled from outside."""

from __future__ import annotations

import copy

import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from malmoi.errors import MalmoiError
from malmoi.model.batch import Batch
from malmoi.model.encoder import Encoder
from malmoi.model.heads import MaskedLM, MlmHead
from malmoi.model.sizes import SIZES, EncoderConfig, ModelConfig, flops_per_token, parameters
from tests.tiny.batches import batch_of

TINY = ModelConfig(size="tiny", dropout=0.0).resolve(vocab_size=97, pad_id=0)


def masked_lm(config: EncoderConfig = TINY) -> MaskedLM:
    torch.manual_seed(0)
    return MaskedLM(Encoder(config), MlmHead(config))


def packed() -> Batch:
    return batch_of([[[5, 6, 7], [8, 9]], [[11] * 5 + [12] * 3]], 8, sequences=6)


def test_named_sizes_are_those_of_berts_miniatures() -> None:
    shapes = {
        name: (c.layers, c.hidden, c.heads, c.ffn)
        for name in SIZES
        for c in [ModelConfig.model_validate({"size": name}).resolve(vocab_size=10, pad_id=0, arch="electra")]
    }
    assert shapes["tiny"] == (2, 128, 2, 512)
    assert shapes["mini"] == (4, 256, 4, 1024)
    assert shapes["base"] == (12, 768, 12, 3072)
    assert shapes["large"] == shapes["electra-large"] == (24, 1024, 16, 4096)


@pytest.mark.parametrize(
    ("size", "embedding", "generator"),
    [
        ("electra-small", 128, (64, 1, 256)),
        ("electra-base", 768, (256, 4, 1024)),
        ("electra-large", 1024, (256, 4, 1024)),
    ],
)
def test_electras_are_the_published_ones(size: str, embedding: int, generator: tuple[int, int, int]) -> None:
    """google-research/electra, configure_pretraining.py and training_utils.py."""
    model = ModelConfig.model_validate({"size": size})
    discriminator = model.resolve(vocab_size=10, pad_id=0, arch="electra")
    config = model.resolve_generator(discriminator)
    assert discriminator.embedding == config.embedding == embedding
    assert (config.hidden, config.heads, config.ffn) == generator
    assert config.layers == discriminator.layers
    full = ModelConfig.model_validate({"size": size, "generator_width": 1.0}).resolve_generator(discriminator)
    assert full == discriminator


def test_a_bert_has_no_narrow_embeddings() -> None:
    with pytest.raises(MalmoiError, match="MM0411"):
        ModelConfig(size="electra-small").resolve(vocab_size=10, pad_id=0)


def test_overrides_and_the_rule_of_heads() -> None:
    config = ModelConfig(size="mini", hidden=192, layers=3, attention_dropout=0.1).resolve(
        vocab_size=8002, pad_id=1
    )
    assert (config.hidden, config.heads, config.ffn, config.layers, config.pad_id) == (192, 3, 768, 3, 1)
    with pytest.raises(MalmoiError) as raised:
        ModelConfig(hidden=200, heads=3).resolve(vocab_size=10, pad_id=0)
    assert "MM0401 width 200 cannot be split over 3 heads." in str(raised.value).replace(
        "MM0401: ", "MM0401 "
    )


@pytest.mark.parametrize("size", ["tiny", "small", "electra-small"])
def test_parameters_are_counted_right(size: str) -> None:
    config = ModelConfig.model_validate({"size": size}).resolve(vocab_size=1234, pad_id=0, arch="electra")
    with torch.device("meta"):
        encoder = Encoder(config)
    assert parameters(config) == sum(p.numel() for p in encoder.parameters())


def test_flops_are_those_torch_counts() -> None:
    """`flops_per_token` against torch's own counter on a real forward and backward."""
    model, batch = masked_lm(), packed()
    slots_M = torch.tensor([1, 4, 9, 12])
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        model(batch, slots_M).sum().backward()
    assert counter.get_total_flops() == round(flops_per_token(TINY, 8, 4 / 16) * 16)
    base = ModelConfig(size="base").resolve(vocab_size=30522, pad_id=0)
    assert round(flops_per_token(base, 128, 0.15) / 1e9, 2) == 0.52


def test_vectors_nobody_asks_for_change_nothing() -> None:
    """Values and gradients at some tokens, one of them twice, against all vectors and picking from them."""
    model, batch = masked_lm(), packed()
    asked_M = torch.tensor([9, 1, 1, 15])
    weights_MD = torch.randn(4, 128, generator=torch.Generator().manual_seed(3))
    found = []
    for vectors_MD in (model.encoder(batch, asked_M), model.encoder(batch)[asked_M]):
        grads = torch.autograd.grad((vectors_MD * weights_MD).sum(), list(model.encoder.parameters()))
        found.append((vectors_MD, torch.cat([grad.flatten() for grad in grads])))
    torch.testing.assert_close(found[0], found[1], rtol=1e-5, atol=1e-5)


def test_new_weights_are_berts() -> None:
    encoder = masked_lm(TINY.model_copy(update={"vocab_size": 5000})).encoder
    words = encoder.embeddings.word.weight
    assert words.abs().max() <= 0.04
    # A normal cut at two standard deviations keeps 0.88 of the deviation.
    torch.testing.assert_close(words.std().item(), 0.0176, rtol=0.01, atol=0)
    block = encoder.blocks[0]
    assert not block.qkv.bias.any() and not block.ffn_norm.bias.any()
    assert torch.equal(block.attention_norm.weight, torch.ones(128))


def test_output_matrix_is_the_word_embeddings() -> None:
    """One parameter, so nothing can come untied: not by a step, not by a copy, not by .to()."""
    model = copy.deepcopy(masked_lm()).to(torch.float64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    words = model.encoder.embeddings.word.weight
    assert [name for name, p in model.named_parameters() if p.shape == words.shape] == [
        "encoder.embeddings.word.weight"
    ]
    before = words.detach().clone()
    model(packed(), torch.tensor([0])).sum().backward()
    optimizer.step()
    assert model.encoder.embeddings.word.weight.data_ptr() == words.data_ptr()
    assert not torch.equal(words[50], before[50]), "a word only the output sees must move too"


@pytest.mark.parametrize("bf16", [False, True])
def test_no_sequence_changes_another(bf16: bool) -> None:
    model, batch = masked_lm().eval(), packed()
    changed = batch_of([[[5, 6, 7], [30, 31]], [[11] * 5 + [12] * 3]], 8, sequences=6)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16, enabled=bf16):
        one, other = model.encoder(batch), model.encoder(changed)
    same = torch.ones(16, dtype=torch.bool)
    same[3:5] = False
    assert torch.equal(one[same], other[same])
    assert (one[~same] != other[~same]).any(1).all()


def test_a_sequence_is_the_same_alone_and_packed() -> None:
    model = masked_lm().eval()
    alone = batch_of([[[8, 9]]], 2)
    with torch.no_grad():
        torch.testing.assert_close(model.encoder(alone), model.encoder(packed())[3:5], rtol=0, atol=1e-6)


@pytest.mark.parametrize("bf16", [False, True])
def test_blocks_compile_as_one_graph(bf16: bool) -> None:
    """Captured whole (fullgraph) and run without code generation, forward and backward."""
    plain = masked_lm()
    compiled = copy.deepcopy(plain)
    for block in compiled.encoder.blocks:
        block.compile(backend="aot_eager", fullgraph=True, dynamic=False)
    grads = []
    for model in (plain, compiled):
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            loss = model(packed(), torch.tensor([1, 9])).float().logsumexp(-1).sum()
        loss.backward()
        grads.append(torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]))
    torch.testing.assert_close(grads[0], grads[1], rtol=1e-4, atol=5e-3 if bf16 else 1e-6)
