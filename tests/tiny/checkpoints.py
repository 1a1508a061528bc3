"""Checkpoints of untrained weights with a vocabulary of syllables."""

from __future__ import annotations

from pathlib import Path

import torch

from malmoi.model.encoder import Encoder
from malmoi.model.heads import Discriminator, MaskedLM, MlmHead, RtdHead
from malmoi.model.hf.folder import write_model
from malmoi.model.sizes import EncoderConfig
from tests.tiny.tokenizers import write_syllables

SHAPE = {"hidden": 32, "layers": 1, "heads": 2, "ffn": 64, "max_positions": 64, "dropout": 0.1}


def write_checkpoint(folder: Path, text: str, seed: int, **shape: object) -> EncoderConfig:
    """A masked LM, or with arch="electra" a discriminator, that reads the characters of a text; its shape."""
    folder.mkdir(parents=True)
    config = EncoderConfig.model_validate(SHAPE | {"vocab_size": write_syllables(folder, text)} | shape)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        encoder = Encoder(config)
        model: Discriminator | MaskedLM
        if config.arch == "electra":
            model = Discriminator(encoder, RtdHead(config))
        else:
            model = MaskedLM(encoder, MlmHead(config))
        write_model(folder, model)
    return config
