"""Answers from a fine-tuned model: texts in, a label and its probability or a score out, in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import overload

from malmoi.artifact.finished import read_manifest
from malmoi.codes import Code
from malmoi.device import choose_device
from malmoi.errors import MalmoiError
from malmoi.finetune.answer import model_outputs
from malmoi.finetune.batches import encode
from malmoi.finetune.record import MODEL, TASK_FILE
from malmoi.finetune.seeds import SUMMARY
from malmoi.finetune.tally import Tally
from malmoi.json_files import expected_shape, read_object
from malmoi.model.heads import Classifier
from malmoi.model.hf.config import CONFIG
from malmoi.model.hf.folder import read_classifier
from malmoi.paths import as_stored
from malmoi.progress import SILENT, Reporter
from malmoi.tasks.examples import Text
from malmoi.tasks.kinds import TASK_KINDS, Prediction, TaskKind
from malmoi.tokenizer import Tokenizer, load_tokenizer

# Texts answered together: enough to sort by length, and all that is in memory of a file of any size.
WINDOW = 2048


@dataclass(frozen=True, slots=True)
class Predictor:
    """A model folder, opened. `columns` are the text columns it was trained on: one, or two for pairs."""

    folder: Path
    model: Classifier
    tokenizer: Tokenizer
    kind: TaskKind
    columns: tuple[str, ...]
    max_len: int

    @classmethod
    def open(cls, path: Path, *, device: str = "auto", reporter: Reporter = SILENT) -> Predictor:
        """Open a model folder, a run, a run with several seeds (the best on dev), or a cell of a league.

        Raises MM0620 where there is no fine-tuned model; warns MM0242 (another version of the analyzer).
        """
        folder = model_folder(as_stored(path))
        task = read_object(folder / TASK_FILE)
        with expected_shape(folder / TASK_FILE):
            kind = TASK_KINDS[task["kind"]]
            columns = tuple(str(name) for name in task["text"])
            max_len = int(task["max_len"])
            if isinstance(task["text"], str) or not 1 <= len(columns) <= 2 or max_len < 3:
                raise ValueError("text / max_len")
        model, labels = read_classifier(folder)
        model.to(choose_device(device)).eval()
        return cls(
            folder,
            model,
            # What is asked may be private, and is seldom asked twice.
            load_tokenizer(folder, reporter=reporter).uncached(),
            kind.saved(tuple(labels)),
            columns,
            max_len,
        )

    @overload
    def predict(  # type: ignore[overload-overlap]  # a str is an Iterable[str], too: that is why it is asked for
        self, texts: str, *, tokens_per_batch: int = 16384
    ) -> Prediction: ...

    @overload
    def predict(self, texts: Iterable[Text], *, tokens_per_batch: int = 16384) -> list[Prediction]: ...

    def predict(
        self, texts: str | Iterable[Text], *, tokens_per_batch: int = 16384
    ) -> Prediction | list[Prediction]:
        """Answer one text, or every text of several, blank ones too. An answer does not depend on its
        neighbours (to 1e-5).

        Raises MM0621 where single texts and pairs are mixed up, MM0642 where something comes that is
        no text; both name its place.
        """
        if isinstance(texts, str):
            return next(self.stream([texts], tokens_per_batch=tokens_per_batch))
        return list(self.stream(texts, tokens_per_batch=tokens_per_batch))

    def stream(
        self, texts: Iterable[Text], *, tokens_per_batch: int = 16384, tally: Tally | None = None
    ) -> Iterator[Prediction]:
        """Like `predict`, one after the other, with at most 2,048 texts in memory; `tally` counts them."""
        if isinstance(texts, bytes | Mapping) or not isinstance(texts, Iterable):
            raise MalmoiError(Code.NOT_A_TEXT, "texts", kind=type(texts).__name__)
        source = (self._checked(text, place) for place, text in enumerate(texts))
        while window := list(islice(source, WINDOW)):
            device = next(self.model.parameters()).device
            encoded = encode(self.tokenizer, window, self.max_len, types=self.model.encoder.config.type_vocab)
            if tally is not None:
                tally.add(window, encoded)
            outputs_NC = model_outputs(self.model, encoded, device=device, tokens_per_batch=tokens_per_batch)
            for answer_C in self.kind.decode(outputs_NC):
                yield self.kind.prediction(answer_C)

    def _checked(self, text: object, place: int) -> Text:
        """A text or a pair as this model wants it. Raises MM0621, MM0642."""
        parts = text if isinstance(text, tuple | list) else (text,)
        for number, part in enumerate(parts):
            if not isinstance(part, str):
                where = f"texts[{place}]" + (f"[{number}]" if parts is text else "")
                raise MalmoiError(Code.NOT_A_TEXT, where, kind=type(part).__name__)
        if len(parts) != len(self.columns):
            columns = ", ".join(self.columns)
            where = f"texts[{place}]"
            raise MalmoiError(
                Code.TEXT_OR_PAIR, where, wanted=len(self.columns), given=len(parts), columns=columns
            )
        return (parts[0], parts[1]) if len(parts) == 2 else parts[0]


def model_folder(path: Path) -> Path:
    """The folder with the tuned model's files. Raises MM0620."""
    if (path / TASK_FILE).is_file():
        return path
    if (path / SUMMARY).is_file():
        summary = read_object(path / SUMMARY)
        with expected_shape(path / SUMMARY):
            path = path / str(summary["best"])
    # While a run is still `running`, its model folder may be half written.
    if (path / MODEL / TASK_FILE).is_file() and read_manifest(path).state == "finished":
        return path / MODEL
    start = path if (path / CONFIG).is_file() else "CHECKPOINT"
    raise MalmoiError(Code.NOT_FINETUNED, path, start=start)
