"""What is wrong with a command line, in our words: the parser's own are English and have no code."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Any

from pydantic import ValidationError

from malmoi.codes import Code
from malmoi.config import wanted
from malmoi.errors import MalmoiError
from malmoi.nearest import did_you_mean

# typer has click's parser inside and exports few of its classes, so errors are told apart by their names.
_EXTRA = re.compile(r"unexpected extra argument(?:\(s\)|s)? \((.*)\)$")
_COMMAND = re.compile(r"No such command '([^']*)'")


def usage_error(error: Exception, words: Sequence[str] = ()) -> MalmoiError:
    """The MalmoiError that says what a usage error of the parser says (MM0820-MM0827).

    Args:
        words: of the command line, for errors that do not know their command.
    """
    context: Any = getattr(error, "ctx", None)
    verb = list(takewhile(lambda word: re.fullmatch(r"[a-z]+", word), words))[:1]
    command = context.command_path if context is not None else " ".join(["malmoi", *verb])
    told = str(getattr(error, "message", "") or error)
    name = type(error).__name__
    if name == "NoSuchOption":
        option = str(getattr(error, "option_name", told))
        hint = did_you_mean(option, _options(context))
        return MalmoiError(Code.UNKNOWN_OPTION, option=option, hint=hint, command=command)
    if found := _COMMAND.search(told):
        verbs = list(getattr(context.command, "commands", ())) if context is not None else []
        return MalmoiError(
            Code.UNKNOWN_COMMAND, name=found[1], hint=did_you_mean(found[1], verbs), command=command
        )
    if name == "MissingParameter":
        return MalmoiError(Code.ARGUMENT_MISSING, name=_name(error), command=command)
    if name == "BadParameter":
        return MalmoiError(Code.BAD_ARGUMENT, name=_name(error), detail=_wanted(error, told), command=command)
    if name == "BadOptionUsage" and "does not take" in told:
        return MalmoiError(
            Code.OPTION_TAKES_NO_VALUE, option=getattr(error, "option_name", told), command=command
        )
    if name == "BadOptionUsage":
        return MalmoiError(Code.VALUE_MISSING, option=getattr(error, "option_name", told), command=command)
    if found := _EXTRA.search(told):
        return MalmoiError(Code.TOO_MANY_ARGUMENTS, words=found[1], command=command)
    return MalmoiError(Code.BAD_USAGE, detail=told, command=command)


def _options(context: Any) -> list[str]:
    parameters = context.command.params if context is not None else []
    return [option for parameter in parameters for option in parameter.opts if option.startswith("-")]


def _name(error: Any) -> str:
    """An option as it is typed, an argument as `--help` calls it."""
    parameter = getattr(error, "param", None)
    if parameter is None:
        return str(getattr(error, "param_hint", "") or "")
    if parameter.param_type_name == "option":
        return str(max(parameter.opts, key=len))
    return str(parameter.metavar or parameter.name.upper())


def _wanted(error: Exception, told: str) -> str:
    """What the value should have been; the parser's own words where it was not pydantic that refused it."""
    cause = error.__cause__
    return wanted(cause.errors()[0]) if isinstance(cause, ValidationError) else told
