"""`malmoi`: takes the global options wherever they stand, builds the command tree, and turns every way
a command can end into one clean message and an exit code: 0 done, 2 the user's input, 1 our fault,
130 and 143 stopped by a signal."""

from __future__ import annotations

import os
import signal
import sys
import traceback
from types import FrameType

from malmoi import messages
from malmoi.artifact.disk import disk_error
from malmoi.cli.console import Console, console, use_console
from malmoi.cli.streams import take_streams
from malmoi.cli.usage import usage_error
from malmoi.codes import Code
from malmoi.errors import Interrupted, MalmoiError
from malmoi.paths import shell_word


def main(arguments: list[str] | None = None) -> None:
    """Entry point. Exits the process."""
    stdout = take_streams()
    code = run(sys.argv[1:] if arguments is None else arguments)
    try:
        sys.stdout.flush()
        stdout.check()
    except MalmoiError as error:
        Console("text").error(error)
        code = code or error.exit_code
    sys.exit(code)


def run(arguments: list[str]) -> int:
    """Run one command line; returns the exit code."""
    try:
        words, mode, language = take_globals(arguments)
    except MalmoiError as error:
        Console("text").error(error)
        return error.exit_code
    messages.set_language(language or _speakable(messages.language()))
    # OpenMP's threads spin while they wait for each other, and beside other busy processes that starves the
    # one they wait for: with no spin 300 steps of the demo took 59 s instead of 15 minutes (2 cores, 3
    # processes). A short spin costs about 5 % on a quiet machine, none at all 35 %; see LOG.md.
    # Read when torch is first imported, which is later.
    os.environ.setdefault("GOMP_SPINCOUNT", "10000")
    use_console(Console(mode))
    before = signal.getsignal(signal.SIGTERM)
    signal.signal(signal.SIGTERM, _end)
    try:
        code = _dispatch(words)
        console().finish()
        return code
    except MalmoiError as error:
        console().error(error)
        return error.exit_code
    except Interrupted as error:
        console().notice("cli.saved_and_stopped", command=" ".join(map(shell_word, ["malmoi", *arguments])))
        return error.exit_code
    except KeyboardInterrupt:
        console().notice("cli.stopped")
        return 130
    except Exception as error:  # a disk's, or our fault: say so, keep the traceback for those who ask
        if os.environ.get("MALMOI_DEBUG"):
            traceback.print_exc()
        if isinstance(error, OSError) and (known := disk_error(error)) is not None:
            console().error(known)
            return known.exit_code
        console().error(MalmoiError(Code.UNEXPECTED, detail=f"{type(error).__name__}: {error}"))
        return 1
    finally:
        signal.signal(signal.SIGTERM, before)


def _speakable(language: str) -> str:
    """English where stdout has no Hangul: a page of question marks tells nobody anything."""
    try:
        "말모이".encode(sys.stdout.encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return "en"
    return language


def _end(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)  # so that `finally` blocks run and worker processes are ended


def take_globals(arguments: list[str]) -> tuple[list[str], str, str | None]:
    """Pick `--json`, `--quiet`/`-q` and `--lang ko|en` out of a command line, wherever they stand."""
    words: list[str] = []
    mode, language = "text", None
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            words += [word, *rest]
        elif word == "--json":
            mode = "json"
        elif word in ("--quiet", "-q"):
            mode = "quiet"
        elif word == "--lang" or word.startswith("--lang="):
            language = word.partition("=")[2] or next(rest, "")
            if language not in messages.LANGUAGES:
                raise MalmoiError(Code.UNKNOWN_LANGUAGE, value=language)
        else:
            words.append(word)
    return words, mode, language


def _dispatch(words: list[str]) -> int:
    import typer

    from malmoi.cli.app import build_app

    command = typer.main.get_command(build_app())
    try:
        code = command.main(args=words, prog_name="malmoi", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            raise
        raise usage_error(error, words) from None
    if code == 130:  # typer has turned the KeyboardInterrupt into a code
        console().notice("cli.stopped")
    return code if isinstance(code, int) else 0
