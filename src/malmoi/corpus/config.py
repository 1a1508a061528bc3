"""The recipe section `[corpus]`. The defaults suit news, encyclopedias and forums (docs/corpus.md says why).
All fields except `inputs` change the result (for the inputs, names and contents count, not paths)."""

from __future__ import annotations

import codecs
from collections import ChainMap
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from malmoi.config import Section, execution
from malmoi.kinds import OneOf
from malmoi.readers import READERS
from malmoi.readers.decode import MAX_RATIO

AUTO, PLAIN = "auto", "txt"  # by each file's name and beginning; text without rows
FORMATS = ChainMap[str, Any](READERS, {AUTO: None, PLAIN: None})


class CorpusConfig(Section):
    """What to read, how to clean it, what to drop, what to hold out."""

    inputs: list[str] = execution(
        [], "Files, folders or glob patterns: .txt .jsonl .csv .tsv, also .gz .xz .zst .bz2."
    )
    format: Annotated[str, OneOf(FORMATS)] = Field(
        AUTO,
        description="Format of all inputs. auto: by suffix; a .txt whose first line names tab-separated "
        "columns is read as tsv.",
    )
    text: str | None = Field(
        None,
        description="Column (csv, tsv) or key (jsonl) of the text; '#2' is the second column of files "
        "without a header. Default: found by its usual names (text, document, content, 본문, 내용, …).",
    )
    encoding: str | None = Field(
        None, description="Encoding of all inputs. Default: found for each file (UTF-8, UTF-16, CP949)."
    )
    encoded_twice: Literal["error", "undo", "keep"] = Field(
        "error",
        description="Korean whose UTF-8 was taken for Latin letters and saved again: stop (or skip the file, "
        "see on_bad_file), undo it, or read the letters as they are.",
    )
    max_ratio: int = Field(
        MAX_RATIO,
        ge=0,
        description="How many times its size a compressed file may unpack to, beyond 16 MB (0: any).",
    )
    limit_mb: int = Field(
        0, ge=0, description="Read about this many MB of text from each input, for trials (0: all)."
    )
    documents: Literal["blank_line", "line", "file"] = Field(
        "blank_line", description="What separates documents in .txt files. WikiExtractor's <doc> always does."
    )
    on_bad_file: Literal["error", "skip"] = Field(
        "error",
        description="What cannot be read (binary, unknown encoding, damaged, broken row): stop, or list "
        "it in the audit and continue.",
    )

    markup: bool | Literal["namuwiki"] = Field(
        True,
        description="Remove HTML tags and entities, wiki remnants, list bullets; namuwiki: also "
        "Namuwiki's own markup.",
    )
    urls: Literal["host", "drop", "keep"] = Field(
        "host", description="Web addresses: leave the host (www.korea.kr), remove all, or keep."
    )
    personal: Literal["mask", "drop", "keep"] = Field(
        "mask",
        description="Phone, resident, card and account numbers and e-mail addresses: digits become 0, drop "
        "the sentence, or keep.",
    )
    hanja: Literal["drop", "keep"] = Field(
        "drop", description="Hanja in brackets after its Hangul reading, 한자(漢字)."
    )
    emoji: Literal["keep", "drop"] = Field("keep", description="Emoji and pictographs.")
    repeats: int = Field(
        3,
        ge=0,
        le=100,
        description="Squeeze a repeated letter or mark to this many, ㅋㅋㅋㅋㅋ → ㅋㅋㅋ (0: off).",
    )

    split: bool = Field(True, description="Split lines into sentences.")
    min_chars: int = Field(10, ge=1, description="Drop lines shorter than this many characters.")
    max_chars: int = Field(1000, ge=10, le=1_000_000, description="Drop sentences longer than this.")
    min_hangul: float = Field(
        0.25,
        ge=0,
        le=1,
        description="Drop sentences with a smaller share of Hangul syllables among the non-spaces.",
    )
    max_symbols: float = Field(
        0.6, ge=0, le=1, description="Drop sentences with more than this share of marks among the non-spaces."
    )
    boilerplate: int = Field(
        100, ge=0, description="Drop a sentence everywhere if more than this many documents have it (0: off)."
    )
    dedup_documents: bool = Field(True, description="Keep the first of documents with equal text.")
    dedup_sentences: bool = Field(
        True,
        description="Keep the first of equal sentences of the whole corpus. Without this, held-out sentences "
        "may also be in the training text: they are counted.",
    )

    heldout: float = Field(
        0.01, ge=0, le=0.5, description="Share of the text held out for evaluation, chosen by content."
    )
    seed: int = Field(0, ge=0, description="Key of the hash that chooses what is held out.")
    samples: int = Field(5, ge=0, le=100, description="Samples kept in the audit for each reason.")
    slice_mb: float = Field(
        32, gt=0, le=1024, description="Megabytes of text in one slice of work; each becomes one part file."
    )

    @field_validator("encoding")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None:
            try:
                codecs.lookup(value)
            except LookupError:
                raise ValueError("not an encoding; try utf-8, cp949 or utf-16") from None
        return value
