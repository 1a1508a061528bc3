"""The morpheme tokenizer for `transformers`: written into a tokenizer's folder with all it needs of malmoi,
so that `AutoTokenizer.from_pretrained(folder, trust_remote_code=True)` gives malmoi's ids without malmoi.

It gives ids, not character offsets; those are malmoi's own. See `tokenizer.remote` for how it is written.
"""

from __future__ import annotations

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer as Library
from tokenizers import models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizer

from malmoi.analyzers import open_analyzer
from malmoi.hangul.spelling import respell
from malmoi.tokenizer.encoding.characters import LONGEST_WORD
from malmoi.tokenizer.morpheme.marked import MARK, bert_characters, mark_lemmas, mark_surfaces

_SURROGATE = re.compile("[\ud800-\udfff]")


class MalmoiMorphemeTokenizer(PreTrainedTokenizer):
    """A morpheme analyzer, and WordPiece inside each morpheme."""

    vocab_files_names = {  # noqa: RUF012 - the library's own way
        "vocab_file": "vocab.txt",
        "about_file": "malmoi.json",
        "words_file": "user_dictionary.txt",
    }
    model_input_names = ["input_ids", "token_type_ids", "attention_mask"]  # noqa: RUF012

    def __init__(
        self, vocab_file: str, about_file: str, words_file: str | None = None, **kwargs: Any
    ) -> None:
        self._files = [Path(file) for file in (vocab_file, about_file, words_file) if file]
        entries = Path(vocab_file).read_text("utf-8").removesuffix("\n").split("\n")
        about = json.loads(Path(about_file).read_text("utf-8"))
        self._ids = {entry: index for index, entry in enumerate(entries)}
        self._entries = entries
        self._lemmas = about["form"] == "lemma"
        self._one_spelling = about["normalize"] != "NFC"
        words = Path(words_file) if words_file and about["analyzer"]["user_dictionary"] else None
        self._analyzer = open_analyzer(about["analyzer"]["analyzer"], words)
        self._characters = bert_characters()
        ids = self._ids | {MARK: len(entries)}
        self._library = Library(
            models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=LONGEST_WORD)
        )
        self._library.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
        self._library.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        super().__init__(**kwargs)  # type: ignore[no-untyped-call]

    @property
    def vocab_size(self) -> int:
        return len(self._entries)

    def get_vocab(self) -> dict[str, int]:
        return self._ids | self._added_tokens_encoder

    def _tokenize(self, text: str, **kwargs: Any) -> list[str]:
        text = unicodedata.normalize("NFC", text)
        # No library takes lone surrogates.
        texts = [_SURROGATE.sub("\ufffd", respell(text) if self._one_spelling else text)]
        if self._lemmas:
            marked = mark_lemmas(texts, self._analyzer.analyze(texts), self._characters)
        else:
            marked = mark_surfaces(texts, self._analyzer.surfaces(texts), self._characters)
        found = self._library.encode(marked.texts[0], add_special_tokens=False).ids
        return [self._entries[index] for index in found if index < len(self._entries)]

    def _convert_token_to_id(self, token: str) -> int:
        return self._ids.get(token, self._ids["[UNK]"])

    def _convert_id_to_token(self, index: int) -> str:
        return self._entries[index]

    def convert_tokens_to_string(self, tokens: list[str]) -> str:
        return " ".join(tokens).replace(" ##", "").strip()

    def build_inputs_with_special_tokens(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        row = [self.cls_token_id, *token_ids_0, self.sep_token_id]
        return row if token_ids_1 is None else [*row, *token_ids_1, self.sep_token_id]

    def create_token_type_ids_from_sequences(
        self, token_ids_0: list[int], token_ids_1: list[int] | None = None
    ) -> list[int]:
        second = [] if token_ids_1 is None else [1] * (len(token_ids_1) + 1)
        return [0] * (len(token_ids_0) + 2) + second

    def get_special_tokens_mask(
        self,
        token_ids_0: list[int],
        token_ids_1: list[int] | None = None,
        already_has_special_tokens: bool = False,
    ) -> list[int]:
        row = token_ids_0
        if not already_has_special_tokens:
            row = self.build_inputs_with_special_tokens(token_ids_0, token_ids_1)
        return [int(index in self.all_special_ids) for index in row]

    def save_vocabulary(self, save_directory: str, filename_prefix: str | None = None) -> tuple[str, ...]:
        written = []
        for file in self._files:
            target = Path(save_directory) / file.name
            if target.resolve() != file.resolve():
                target.write_bytes(file.read_bytes())
            written.append(str(target))
        return tuple(written)
