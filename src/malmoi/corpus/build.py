"""Builds the corpus artifact: read → refine → match documents → match sentences → write, all run in slices.

Every pass is resumable by slice; workers get what they need in files, so memory does not grow with the
corpus.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from malmoi.artifact.disk import real_place, write_json
from malmoi.artifact.finished import (
    Draft,
    Manifest,
    artifact_key,
    finished_artifact,
    is_current,
    read_manifest,
    record_inputs,
    tool_versions,
)
from malmoi.codes import Code
from malmoi.context import Context
from malmoi.corpus.audit import make_audit, repeated_samples
from malmoi.corpus.config import CorpusConfig
from malmoi.corpus.dedup import MatchSpec, drops_of_slice, match, plan_matches
from malmoi.corpus.heldout import choose_threshold, repeated_in_training
from malmoi.corpus.ingest import IngestSpec, ingest
from malmoi.corpus.inputs import FoundInputs, Source, find_sources, group_sources
from malmoi.corpus.products import drop_left_over, drop_work, link
from malmoi.corpus.refine import RefineSpec, refine
from malmoi.corpus.write import WriteSpec, write_slice
from malmoi.errors import MalmoiError
from malmoi.messages import text
from malmoi.paths import readable
from malmoi.progress import Reporter
from malmoi.slices import Slice, run_slices

STAGE = "corpus"
AUDIT = "audit.json"
MISREAD = 10  # sentences; fewer are a quotation
PRIVATE = 10  # characters; fewer are icons
MUCH_HELD = 3  # times the share asked for
REPEATED = 0.01  # of the held-out sentences
# For advice: the setting that governs a reason, and the value that turns it off.
OPTIONS = {
    "too_short": ("min_chars", "1"),
    "too_long": ("max_chars", "1000000"),
    "low_hangul": ("min_hangul", "0"),
    "symbols": ("max_symbols", "1"),
    "markup": ("markup", "false"),
    "boilerplate": ("boilerplate", "0"),
}


def build_corpus(
    config: CorpusConfig,
    out: Path,
    context: Context = Context(),
) -> Manifest:
    """Build the corpus at `out` from `config.inputs`; returns its manifest (at once if it is up to date).

    Raises MalmoiError: MM01xx for the inputs, MM0014–MM0017 for the disk and the workers.
    """
    out = real_place(out)
    found = find_sources(config.inputs, out, skip_bad=config.on_bad_file == "skip")
    sources = found.sources
    inputs = record_inputs([Path(source.path) for source in sources], out, verify=context.verify)
    digests = {
        f"{number:06d}/{Path(source.path).name}": inputs[source.path].sha256
        for number, source in enumerate(sources)
    }
    key = artifact_key(STAGE, config, digests)
    if is_current(out, STAGE, key, context, inputs=inputs):
        context.reporter.say("base.current", path=out)
        return read_manifest(out)
    with finished_artifact(
        out, STAGE, config, key, inputs=inputs, origins=context.origins, seed=config.seed
    ) as draft:
        if found.left_over:
            names = ", ".join(dict.fromkeys(Path(path).name for path in found.left_over[:5]))
            context.reporter.say("corpus.left_over", count=len(found.left_over), names=names)
        _Build(config, key, draft, context.cores, context.reporter).run(found)
    return read_manifest(out)


@dataclass
class _Build:
    config: CorpusConfig
    key: str
    draft: Draft
    workers: int
    reporter: Reporter

    def run(self, found: FoundInputs) -> None:
        drop_left_over(self.draft.path)
        work = self.draft.path / "work"
        files, slices = self._read(found.sources, work / "read")
        refined_counts = self._refine(slices, files, work)
        for part in slices:  # the raw text is no longer needed: a third of the draft's disk space
            Path(part["path"]).unlink(missing_ok=True)
        refined = [work / "refine" / f"{number:05d}" for number in range(len(slices))]
        documents = plan_matches(refined, "documents", duplicates=self.config.dedup_documents, boilerplate=0)
        document_results, folders = self._match(documents, work / "match-documents")
        dropped = _dropped_documents(refined, folders, work / "dropped")
        sentences = plan_matches(
            refined,
            "lines",
            duplicates=self.config.dedup_sentences,
            boilerplate=self.config.boilerplate,
            dropped=str(dropped),
        )
        sentence_results, matches = self._match(sentences, work / "match-sentences")
        threshold, alive = choose_threshold(refined, matches, dropped, self.config.heldout)
        written = self._write(refined, matches, dropped, threshold, work / "write")
        repeats = None if self.config.dedup_sentences else self._repeats(work / "write", len(written))
        repeated = repeated_samples(document_results, sentence_results, refined, self.config.samples)
        audit = make_audit(files, refined_counts, written, repeated, self.config.samples, repeats)
        audit["left_over"] = found.left_over
        if not alive:
            raise _nothing_left(audit["stages"], len(files))
        self._warn(audit["stages"])
        self._finish(audit, written, work)

    def _read(
        self, sources: Sequence[Source], folder: Path
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        groups = group_sources(sources)
        specs = []
        first = 0
        for group in groups:
            specs.append(IngestSpec(self.config, tuple(group), first))
            first += len(group)
        weights = [sum(s.size for s in group) for group in groups]
        labels = [readable(Path(group[-1].path).name) for group in groups]
        results = self._slices(ingest, specs, folder, "reading", weights, "B", labels)
        files = [file for result in results for file in result["files"]]
        slices = [
            {**part, "path": str(folder / f"{number:05d}" / part["name"])}
            for number, result in enumerate(results)
            for part in result["slices"]
        ]
        for file in files:
            self._warn_of(file)
        if not slices:
            raise MalmoiError(Code.NO_TEXT, files=len(files))
        encodings = sorted({file["encoding"] for file in files if file["encoding"]})
        self.reporter.say(
            "corpus.read",
            files=sum("skipped" not in file for file in files),
            documents=sum(file["documents"] for file in files),
            encodings=", ".join(encodings),
        )
        return files, slices

    def _warn_of(self, file: dict[str, Any]) -> None:
        path = file["path"]
        if "skipped" in file:
            self.reporter.warn(Code.FILE_SKIPPED, path, detail=file["skipped"]["what"])
            return
        if file["bad_rows"]:
            line, detail = file["bad_rows"][0]
            self.reporter.warn(
                Code.LINES_SKIPPED, f"{path}:{line}", count=file["lines_skipped"], detail=detail
            )
        for kind, code in (("headers_again", Code.HEADER_REPEATED), ("short_rows", Code.SHORT_LINES)):
            if count := file[kind]:
                line = file["lines_of"][kind][0]
                self.reporter.warn(code, f"{path}:{line}", count=count, line=line, file=path)

    def _refine(
        self, slices: Sequence[dict[str, Any]], files: Sequence[dict[str, Any]], work: Path
    ) -> list[dict[str, Any]]:
        specs = [
            RefineSpec(
                self.config, part["path"], tuple((start, files[n]["path"]) for start, n in part["sources"])
            )
            for part in slices
        ]
        weights = [part["bytes"] for part in slices]
        return self._slices(refine, specs, work / "refine", "cleaning", weights, "B")

    def _match(self, specs: list[MatchSpec], folder: Path) -> tuple[list[dict[str, Any]], list[Path]]:
        what, unit = ("documents", "document") if specs[0].name == "documents" else ("sentences", "line")
        weights = [spec.records for spec in specs]
        results = self._slices(match, specs, folder, f"matching_{what}", weights, unit)
        return results, [folder / f"{number:05d}" for number in range(len(specs))]

    def _write(
        self, refined: Sequence[Path], matches: Sequence[Path], dropped: Path, threshold: int, folder: Path
    ) -> list[dict[str, Any]]:
        specs = [
            WriteSpec(
                str(path),
                number,
                tuple(map(str, matches)),
                str(dropped),
                threshold,
                hashes=not self.config.dedup_sentences,
            )
            for number, path in enumerate(refined)
        ]
        weights = [(path / "text.txt").stat().st_size for path in refined]
        return self._slices(write_slice, specs, folder, "writing", weights, "B")

    def _repeats(self, folder: Path, slices: int) -> int:
        with self._timed("comparing"):
            return repeated_in_training([folder / f"{number:05d}" for number in range(slices)])

    def _slices(
        self,
        process: Callable[[Any, Path], dict[str, Any]],
        specs: Sequence[Any],
        folder: Path,
        name: str,
        weights: Sequence[float],
        unit: str,
        labels: Sequence[str] = (),
    ) -> list[dict[str, Any]]:
        # The draft is this key's own; the versions guard against a draft that another malmoi or polars began.
        key = {"key": self.key, "versions": tool_versions()}
        parts = [
            Slice(
                f"{i:05d}",
                spec,
                {**key, "slice": i},
                weights[i],
                labels[i] if labels else f"{i + 1}/{len(specs)}",
            )
            for i, spec in enumerate(specs)
        ]
        with (
            self._timed(name),
            self.reporter.step(f"corpus.{name}", total=sum(weights), unit=unit) as step,
        ):
            return run_slices(process, parts, folder, workers=self.workers, step=step)

    @contextmanager
    def _timed(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.draft.timings[f"{name}_s"] = round(time.monotonic() - started, 3)

    def _warn(self, stages: dict[str, Any]) -> None:
        """Report what the user should know about the counts."""
        dropped = stages["clean"]["dropped"] | stages["deduplicate"]["dropped"]
        # What takes more than half usually does not suit the text.
        for reason, (option, _) in OPTIONS.items():
            share = dropped.get(reason, {"count": 0})["count"] / max(1, stages["clean"]["sentences_in"])
            if share > 0.5:
                self.reporter.warn(
                    Code.MOST_DROPPED, reason=text(f"reason.{reason}"), share=f"{share:.0%}", option=option
                )
        heldout = stages["write"]["heldout"]
        if self.config.heldout and not heldout["documents"]:
            self.reporter.warn(Code.NOTHING_TO_HOLD_OUT)
        chars = {name: stages["write"][name].get("chars", 0) for name in ("train", "heldout")}
        share = chars["heldout"] / max(1, sum(chars.values()))
        if share > max(MUCH_HELD * self.config.heldout, self.config.heldout + 0.01):
            self.reporter.warn(
                Code.HELDOUT_SHARE_OFF, share=f"{share:.0%}", asked=f"{100 * self.config.heldout:.2g}%"
            )
        misread = stages["clean"]["dropped"].get("misread", {"count": 0, "samples": []})
        if misread["count"] >= MISREAD:
            files = {sample["file"] for sample in misread["samples"]}
            self.reporter.warn(Code.MISREAD_AS_CP949, min(files, default=None), count=misread["count"])
        if (private := stages["clean"]["private"]) >= PRIVATE:
            self.reporter.warn(Code.HANYANG_KEPT, count=private)
        repeats = heldout.get("in_training", 0)
        if repeats >= REPEATED * heldout["sentences"] > 0:
            share = f"{repeats / heldout['sentences']:.0%}"
            self.reporter.warn(
                Code.HELDOUT_IN_TRAINING, count=repeats, total=heldout["sentences"], share=share
            )

    def _finish(self, audit: dict[str, Any], written: Sequence[dict[str, Any]], work: Path) -> None:
        folders = [work / "write" / f"{number:05d}" for number in range(len(written))]
        for name, kind in (("train", "part"), ("heldout", "heldout")):
            present = [folder / f"{name}.txt" for folder in folders if (folder / f"{name}.txt").exists()]
            for number, path in enumerate(present):
                link(path, self.draft.path / f"{kind}-{number:05d}.txt")
        write_json(self.draft.path / AUDIT, audit)
        stages = audit["stages"]
        self.draft.counts |= {
            **stages["write"]["train"],
            **{f"heldout_{name}": value for name, value in stages["write"]["heldout"].items()},
            "dropped": {
                code: entry["count"]
                for stage in ("clean", "deduplicate")
                for code, entry in stages[stage]["dropped"].items()
            },
        }
        drop_work(work)


def _nothing_left(stages: dict[str, Any], files: int) -> MalmoiError:
    dropped = stages["clean"]["dropped"] | stages["deduplicate"]["dropped"]
    if not dropped:  # nothing but markup and invisible characters
        return MalmoiError(Code.NO_TEXT, files=files)
    reason = max(dropped, key=lambda code: int(dropped[code]["count"]))
    if reason == "misread":
        return MalmoiError(Code.MISREAD_AS_CP949, count=dropped[reason]["count"])
    option, off = OPTIONS.get(reason, OPTIONS["too_short"])
    name, count = text(f"reason.{reason}"), dropped[reason]["count"]
    return MalmoiError(Code.NO_SENTENCE_LEFT, reason=name, count=count, option=option, off=off)


def _dropped_documents(refined: Sequence[Path], matches: Sequence[Path], folder: Path) -> Path:
    """`NNNNN.npy` per slice: a bool for each document that is a duplicate."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(refined):
        gone = np.zeros(np.load(path / "documents.npy", mmap_mode="r").shape[1], np.bool_)
        gone[drops_of_slice(matches, number)[0]] = True
        np.save(folder / f"{number:05d}.npy", gone)
    return folder
