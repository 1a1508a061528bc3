"""How fast text becomes ids, spans and shards: ours beside `tokenizers` and plain tokie, on the same text.

    python benchmarks/tokenizer_speed.py CORPUS.txt[.xz] [VOCAB.txt] [MB]

MB (1e6 bytes of UTF-8) per CPU second of one core, the libraries pinned to one thread; the ratio comes last.
Without arguments it takes the shared data beside the repository, and says so where there is none.
"""

from __future__ import annotations

import lzma
import os
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

os.environ |= {"RAYON_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false"}

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def main(arguments: list[str]) -> None:
    corpus = Path(arguments[0]) if arguments else SHARED / "corpus" / "kowiki.txt.xz"
    vocab = Path(arguments[1]) if len(arguments) > 1 else SHARED / "tokenizers/koelectra_32200/vocab.txt"
    if not (corpus.exists() and vocab.exists()):
        print(f"no text to measure on: {corpus}, {vocab}")
        return
    lines = _lines(corpus, float(arguments[2]) if len(arguments) > 2 else 12.0)
    size = sum(len(line.encode()) + 1 for line in lines) / 1e6

    from malmoi.shards.encode import EncodeSpec, encode_slice
    from malmoi.tokenizer.engine import _load_tokie
    from malmoi.tokenizer.load import load_tokenizer

    tokenizer = load_tokenizer(vocab)
    library = tokenizer._library  # type: ignore[attr-defined]
    tokie = _load_tokie(library)

    def library_spans() -> None:
        for encoding in library.encode_batch(lines, add_special_tokens=False):
            _ = encoding.ids, encoding.offsets

    def library_ids() -> None:
        for encoding in library.encode_batch_fast(lines, add_special_tokens=False):
            _ = encoding.ids

    found: dict[str, float] = {}

    def measure(name: str, work: Callable[[], object]) -> None:
        work()  # once to warm up
        best = min(_cpu_seconds(work) for _ in range(3))
        found[name] = size / best
        print(f"{name:34} {found[name]:6.1f} MB/s")

    measure("tokenizers: ids", library_ids)
    measure("tokenizers: ids and offsets", library_spans)
    if tokie is not None:
        measure("tokie: ids only", lambda: tokie.encode_batch_flat(lines, add_special_tokens=False))
    measure("malmoi: ids and spans", lambda: tokenizer.encode_batch(lines, specials=False))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        tokenizer.save(root / "tokenizer")
        (root / "part.txt").write_text("\n".join(lines), "utf-8")
        spec = EncodeSpec(root / "part.txt", 0, (root / "part.txt").stat().st_size, root / "tokenizer")
        measure("malmoi: file to shard arrays", lambda: encode_slice(spec, root))
    print(f"spans: {found['malmoi: ids and spans'] / found['tokenizers: ids and offsets']:.1f}x tokenizers")
    print(f"shards: {found['malmoi: file to shard arrays'] / found['tokenizers: ids']:.1f}x tokenizers' ids")


def _lines(path: Path, megabytes: float) -> list[str]:
    lines: list[str] = []
    with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8") as stream:
        size = 0
        while size < megabytes * 1e6 and (more := list(islice(stream, 1_000))):
            lines += [line.removesuffix("\n") for line in more]
            size += sum(len(line.encode()) for line in more)
    return lines


def _cpu_seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


if __name__ == "__main__":
    main(sys.argv[1:])
