"""Going on from a checkpoint's weights (`pretrain.init`) with shards whose vocabulary may have been extended.

All weights are the checkpoint's, bit for bit. Only entries that mean something new get new rows in the word
embeddings and the output bias: the mean over the pieces the old tokenizer cut the word into, and where it
knew none of it the mean of all entries (Hewitt 2021: anything far from it makes every old prediction worse).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from malmoi.artifact.finished import FileRecord, record_inputs
from malmoi.codes import Code
from malmoi.errors import MalmoiError
from malmoi.model.hf.config import read_config
from malmoi.model.hf.convert import with_safetensors
from malmoi.model.sizes import ModelConfig
from malmoi.paths import as_stored
from malmoi.pretrain.checkpoint import FOLDER, RECORD, fault, newest_checkpoint
from malmoi.pretrain.objectives import OBJECTIVES
from malmoi.progress import SILENT, Reporter
from malmoi.shards.format import tokenizer_digest
from malmoi.tokenizer.kinds import tokenizer_files

# V rows of the new matrix, R of the old one, E width; a bias is a matrix of width 1.

WEIGHTS = ("config.json", "model.safetensors")
GROWING = ("embeddings.word.weight", "head.bias")
"""Ends of the names of weights with a row for each entry."""


@dataclass(frozen=True, slots=True)
class Init:
    """A model folder to start from, and the files that decide what comes of it."""

    folder: Path
    files: dict[str, FileRecord]

    @property
    def digests(self) -> dict[str, str]:
        """name → digest, for the run's key; where the folder lies does not matter."""
        return {f"init/{Path(p).relative_to(self.folder)}": f.sha256 for p, f in self.files.items()}

    @property
    def rows(self) -> int:
        """Rows of the model's word embeddings."""
        return read_config(self.folder)[0].vocab_size


@dataclass(frozen=True, slots=True)
class Vocabularies:
    """What differs between the vocabulary a model was trained with and the one it goes on with."""

    pieces: dict[int, tuple[int, ...]]
    """Entries that are new (they did not exist, or were [unused]) → the old entries they are made of."""
    filling: tuple[int, ...]
    """[unused] entries that have no row yet."""
    known: tuple[int, ...]
    """Old entries that mean something."""


def open_init(path: Path, objective: str, out: Path, *, verify: bool = False) -> Init:
    """A checkpoint, or the newest one of a run; of one whose weights are a pickle, the converted copy.

    Raises MM0402 (no model there), MM0268 (a model of another kind than the objective's), MM0266 (an ELECTRA
    without its generator), and those of `with_safetensors`.
    """
    folder = path = as_stored(path)
    if not (path / WEIGHTS[0]).is_file():
        run = next((run for run in (path, path / "pretrain") if (run / FOLDER).is_dir()), None)
        folder = newest_checkpoint(run) if run else path
    folder = with_safetensors(folder)
    kind = OBJECTIVES[objective]
    names = [*WEIGHTS, *tokenizer_files()]
    names += [f"{inner}/{name}" for inner in kind.folders for name in WEIGHTS]
    if (arch := read_config(folder)[0].arch) != kind.arch:
        fitting = [name for name, other in OBJECTIVES.items() if other.arch == arch]
        raise MalmoiError(
            Code.OBJECTIVE_DOES_NOT_FIT,
            folder,
            arch=arch,
            objective=objective,
            wanted=kind.arch,
            fitting=fitting[0],
            known=", ".join(fitting),
        )
    if any(not (folder / inner / WEIGHTS[0]).is_file() for inner in kind.folders):
        raise MalmoiError(Code.NO_GENERATOR, folder)
    found = [folder / name for name in names if (folder / name).is_file()]
    return Init(folder, record_inputs(found, out, verify=verify))


def check_init(init: Init) -> None:
    """Raise MM0013 where a checkpoint of ours is not what its checkpoint.json records."""
    if (init.folder / RECORD).is_file() and (reason := fault(init.folder)) is not None:
        raise MalmoiError(Code.ARTIFACT_CHANGED, init.folder, reason=reason)


def shape_of(init: Init, model: ModelConfig, objective: str) -> ModelConfig:
    """`model` with the checkpoint's shape where the recipe names none; a size it names is kept, and compared
    when the weights are read (MM0507)."""
    if "size" in model.model_fields_set:
        return model
    config, _ = read_config(init.folder)
    names = ("hidden", "layers", "heads", "ffn", "max_positions")
    shape: dict[str, float] = {name: getattr(config, name) for name in names}
    shape |= OBJECTIVES[objective].shape(init.folder, config)
    return model.model_copy(
        update={name: value for name, value in shape.items() if name not in model.model_fields_set}
    )


def compare_vocabularies(init: Init, tokenizer: Path, reporter: Reporter = SILENT) -> Vocabularies:
    """What the shards' tokenizer has that the checkpoint's has not.

    Raises MM0265 where an old entry lost its id, MM0269 where texts are cut or normalised otherwise (another
    kind, analyzer or form, other merges, words that are gone): the model would read other words than it
    learned. Warns MM0270 of what changes some texts only: the analyzer's version, old entries that are words.
    """
    from malmoi.tokenizer import load_tokenizer  # late: plain training needs no tokenizer's library
    from malmoi.tokenizer.encoding.user_words import UNUSED
    from malmoi.tokenizer.same import contradictions, deviations

    old, new = (load_tokenizer(folder, encodes=False) for folder in (init.folder, tokenizer))
    before, after = (tok.tokens(range(tok.vocab_size)) for tok in (old, new))
    for change in contradictions(old, new):
        raise MalmoiError(
            Code.SHARDS_CUT_DIFFERENTLY, tokenizer, name=change.name, old=change.before, new=change.after
        )
    for index, entry in enumerate(before):
        found = after[index] if index < len(after) else "-"
        if entry != found and not UNUSED.fullmatch(entry):
            raise MalmoiError(
                Code.SHARDS_HAVE_OTHER_VOCABULARY, tokenizer, entry=f"id {index}", old=entry, new=found
            )
    for change in deviations(old, new, tokenizer_digest):
        reporter.warn(
            Code.TOKENIZER_DIFFERS_SLIGHTLY,
            str(tokenizer),
            name=change.name,
            old=change.before,
            new=change.after,
        )
    rows = init.rows
    changed = [i for i, entry in enumerate(after) if i >= min(rows, len(before)) or before[i] != entry]
    words = [index for index in changed if not UNUSED.fullmatch(after[index])]
    # `##이` and `▁말` are marks of a vocabulary; the text behind them is cut.
    texts = [after[index].removeprefix("##").replace("▁", " ") for index in words]
    pieces = {}
    if words:  # else no analyzer is needed
        encoded = old.encode_batch(texts, specials=False)
        for row, index in enumerate(words):
            ids = encoded.ids[encoded.row(row)].tolist()
            pieces[index] = tuple(i for i in ids if i != old.special.unk and i < rows)
    special = {new.special.pad, new.special.unk, new.special.cls, new.special.sep, new.special.mask}
    known = [i for i, entry in enumerate(before[:rows]) if i not in special and not UNUSED.fullmatch(entry)]
    filling = [index for index in changed if index not in pieces and index >= rows]
    return Vocabularies(pieces, tuple(filling), tuple(known))


@torch.no_grad()
def initialise_from(network: nn.Module, old: nn.Module, vocabularies: Vocabularies) -> None:
    """Write the weights of `old` into `network`, which differs in the size of its vocabulary at most."""
    found = old.state_dict()
    for name, value in network.state_dict().items():
        if name.endswith(GROWING):
            value.copy_(grown(found[name], len(value), vocabularies, quiet=name.endswith("bias")))
        else:
            value.copy_(found[name])


def grown(old_RE: Tensor, rows: int, vocabularies: Vocabularies, *, quiet: bool) -> Tensor:
    """The matrix (or bias) with `rows` rows; rows beyond the old vocabulary may be cut off.

    `quiet`: filling gets the least of all values, so that what never occurs takes no probability.
    """
    known_KE = old_RE[torch.tensor(vocabularies.known)]
    mean_E = known_KE.mean(0)
    new_VE = old_RE.new_empty((rows, *old_RE.shape[1:]))
    kept = min(rows, len(old_RE))
    new_VE[:kept] = old_RE[:kept]
    for index in vocabularies.filling:
        new_VE[index] = known_KE.min() if quiet else mean_E
    for index, pieces in vocabularies.pieces.items():
        new_VE[index] = old_RE[list(pieces)].mean(0) if pieces else mean_E
    return new_VE


def told(vocabularies: Vocabularies) -> dict[str, int]:
    """Numbers for the manifest and the line that says what was done."""
    found: Sequence[tuple[int, ...]] = list(vocabularies.pieces.values())
    known = sum(bool(pieces) for pieces in found)
    return {"new": len(found), "from_pieces": known, "from_mean": len(found) - known}
