"""How big an encoder is: the recipe's `[model]` section, the named sizes, and what a token costs.

The names are those of Google's BERT miniatures (Turc et al. 2019, arXiv 1908.08962) so that a table of ours
can be compared with theirs. No torch here: the command line reads this file for `--help`.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field, model_validator

from malmoi.codes import Code
from malmoi.config import Section
from malmoi.errors import MalmoiError

# heads = hidden / 64 and ffn = 4 x hidden throughout, as in BERT. The ELECTRA sizes are those of
# google-research/electra (configure_pretraining.py, training_utils.py).
SIZES: dict[str, dict[str, int]] = {
    "tiny": {"layers": 2, "hidden": 128},
    "mini": {"layers": 4, "hidden": 256},
    "small": {"layers": 4, "hidden": 512},
    "medium": {"layers": 8, "hidden": 512},
    "base": {"layers": 12, "hidden": 768},
    "large": {"layers": 24, "hidden": 1024},
    "electra-small": {"layers": 12, "hidden": 256, "embedding": 128},
    "electra-base": {"layers": 12, "hidden": 768},
    "electra-large": {"layers": 24, "hidden": 1024},
}
# The generator's width as a share of the discriminator's (ELECTRA, table 6; its small model is also released
# as "++" with a generator of full width).
GENERATORS = {"electra-small": 1 / 4, "electra-base": 1 / 3, "electra-large": 1 / 4}

Arch = Literal["bert", "electra"]
HeadKind = Literal["pooler", "linear", "dense"]
# What transformers can open again: BertForSequenceClassification and ElectraForSequenceClassification. The
# one linear layer ELECTRA's authors fine-tune with (google-research/electra, classification_tasks.py) has no
# class there; its encoder opens with AutoModel.
HEAD_KINDS: dict[Arch, tuple[HeadKind, ...]] = {"bert": ("pooler", "linear"), "electra": ("linear", "dense")}


class EncoderConfig(Section):
    """Everything that decides an encoder's shape and arithmetic; every number is filled in.

    The upper bounds only keep a damaged config.json from asking for absurd amounts of memory.
    """

    arch: Arch = Field("bert", description="Layout of the encoder.")
    vocab_size: int = Field(
        0, ge=0, le=2**24, description="Entries of the vocabulary; 0 until a tokenizer is known."
    )
    hidden: int = Field(128, ge=1, le=2**16, description="Width of a token's vector.")
    embedding: int = Field(128, ge=1, le=2**16, description="Width of the embeddings; a BERT's is `hidden`.")
    layers: int = Field(2, ge=1, le=1000, description="Number of blocks.")
    heads: int = Field(2, ge=1, le=2**16, description="Attention heads; they divide `hidden`.")
    ffn: int = Field(512, ge=1, le=2**20, description="Width inside the feed-forward part.")
    max_positions: int = Field(512, ge=1, le=2**20, description="Longest sequence, in tokens.")
    type_vocab: int = Field(2, ge=1, le=2**10, description="Number of token types (segments).")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout after embeddings, attention and feed-forward."
    )
    attention_dropout: float = Field(0.0, ge=0, lt=1, description="Dropout of attention weights.")
    layer_norm_eps: float = Field(1e-12, gt=0, description="Epsilon of LayerNorm.")
    pad_id: int = Field(0, ge=0, description="Id of [PAD].")

    @model_validator(mode="before")
    @classmethod
    def _embedding_as_wide(cls, values: Any) -> Any:
        if isinstance(values, dict) and values.get("embedding") is None:
            return values | {"embedding": values.get("hidden", 128)}
        return values


class ModelConfig(Section):
    """The recipe's `[model]` section: a named size and what should differ from it."""

    size: Literal[
        "tiny",
        "mini",
        "small",
        "medium",
        "base",
        "large",
        "electra-small",
        "electra-base",
        "electra-large",
    ] = Field(
        "tiny",
        description="tiny 2x128, mini 4x256, small 4x512, medium 8x512, base 12x768, large 24x1024; "
        "electra-small 12x256 with embeddings of 128, electra-base 12x768, electra-large 24x1024.",
    )
    hidden: int | None = Field(None, ge=1, description="Width of a token's vector, instead of the size's.")
    layers: int | None = Field(None, ge=1, description="Number of blocks, instead of the size's.")
    heads: int | None = Field(None, ge=1, description="Attention heads; by default hidden / 64.")
    ffn: int | None = Field(
        None, ge=1, description="Width inside the feed-forward part; by default 4 x hidden."
    )
    embedding: int | None = Field(
        None, ge=1, description="Width of the embeddings (ELECTRA only), instead of the size's or `hidden`."
    )
    generator_width: float | None = Field(
        None,
        gt=0,
        le=1,
        description="ELECTRA: the generator's width as a share of `hidden`; by default the size's, or 1/4.",
    )
    max_positions: int = Field(512, ge=1, description="Longest sequence the model can read, in tokens.")
    dropout: float = Field(
        0.1, ge=0, lt=1, description="Dropout after embeddings, attention and feed-forward."
    )
    attention_dropout: float = Field(
        0.0,
        ge=0,
        lt=1,
        description="Dropout of attention weights; above 0 the fast GPU kernel cannot be used.",
    )

    def resolve(self, *, vocab_size: int, pad_id: int, arch: Arch = "bert") -> EncoderConfig:
        """The encoder this section describes, for a tokenizer with `vocab_size` entries.

        Raises MM0401 if the heads do not divide the width, MM0411 if a BERT's embeddings are not as wide.
        """
        named = SIZES[self.size]
        hidden = self.hidden or named["hidden"]
        heads = self.heads or max(1, hidden // 64)
        embedding = self.embedding or (named.get("embedding", hidden) if self.hidden is None else hidden)
        if hidden % heads:
            raise MalmoiError(Code.HEADS_DO_NOT_DIVIDE, hidden=hidden, heads=heads)
        if arch == "bert" and embedding != hidden:
            raise MalmoiError(Code.WRONG_EMBEDDING_WIDTH, embedding=embedding, hidden=hidden)
        return EncoderConfig(
            arch=arch,
            vocab_size=vocab_size,
            hidden=hidden,
            embedding=embedding,
            layers=self.layers or named["layers"],
            heads=heads,
            ffn=self.ffn or 4 * hidden,
            max_positions=self.max_positions,
            dropout=self.dropout,
            attention_dropout=self.attention_dropout,
            pad_id=pad_id,
        )

    def resolve_generator(self, discriminator: EncoderConfig) -> EncoderConfig:
        """ELECTRA's generator: as deep as the discriminator, narrower in width, heads and feed-forward, with
        the same embeddings (google-research/electra, `get_generator_config`)."""
        share = self.generator_width or GENERATORS.get(self.size, 1 / 4)
        hidden = max(1, round(discriminator.hidden * share))
        heads = discriminator.heads if share == 1 else max(1, hidden // 64)
        if hidden % heads:
            raise MalmoiError(Code.HEADS_DO_NOT_DIVIDE, hidden=hidden, heads=heads)
        ffn = max(1, round(discriminator.ffn * share))
        return discriminator.model_copy(update={"hidden": hidden, "heads": heads, "ffn": ffn})


def parameters(config: EncoderConfig) -> int:
    """Number of parameters of the encoder alone (no head, no pooler)."""
    D, E, F = config.hidden, config.embedding, config.ffn
    embeddings = (config.vocab_size + config.max_positions + config.type_vocab + 2) * E
    project = 0 if E == D else E * D + D
    block = 4 * (D * D + D) + 2 * D * F + F + D + 4 * D
    return embeddings + project + config.layers * block


def encoder_macs(config: EncoderConfig, row_len: int, asked: float = 1.0) -> float:
    """Multiply-adds of one token going forward through the encoder.

    A block has 3·D² (query, key, value) + 2·L·D (L scores, then the weighted sum over L values, with rows of
    L tokens computed in full as the CPU path does) + D² (output) + 2·D·F (feed-forward). In the last block
    the latter two are computed for the share `asked` of the tokens.
    """
    D, E, F = config.hidden, config.embedding, config.ffn
    project = 0 if E == D else E * D
    mix, feed = 3 * D * D + 2 * row_len * D, D * D + 2 * D * F
    return project + config.layers * mix + (config.layers - 1 + asked) * feed


def mlm_head_macs(config: EncoderConfig) -> float:
    """Multiply-adds of the masked-LM head for one masked token: D·E + E·V."""
    return config.hidden * config.embedding + config.embedding * config.vocab_size


def flops_per_token(config: EncoderConfig, row_len: int, masked_fraction: float) -> float:
    """FLOPs of one masked-LM training step (forward and backward) per token of a row, padding included.

    Only matrix products count, 2 FLOPs per multiply-add; a backward pass costs two forwards (one product for
    the input's gradient, one for the weight's), hence 2 x 3 x multiply-adds; the end of the last block and
    the head see `masked_fraction` of the tokens only. For BERT-base at L = 128 and 15 % this is 0.52 GFLOP.
    Divided by the speed of the machine's matrix unit it gives the utilisation (MFU).
    """
    return 6.0 * (encoder_macs(config, row_len, masked_fraction) + masked_fraction * mlm_head_macs(config))
