"""What goes wrong in a command, said in one sentence; the rest goes into a file."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import secrets
import sys
import tempfile
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import typer

from analytics.catalogue import local_folder
from analytics.errors import BadInput
from analytics.settings import read_settings

BAD_INPUT, UNEXPECTED, INTERRUPTED = 2, 1, 130


@contextlib.contextmanager
def in_one_sentence(say: Callable[[str], None]) -> Iterator[None]:
    """End the program as the user should see it: `say` one sentence, exit code 2 for bad input and 1 for our fault.

    With FORERUNNER_DEBUG the traceback is shown too.
    """
    try:
        yield
    except BadInput as problem:
        say(str(problem))
        sys.exit(BAD_INPUT)
    except typer.TyperException as problem:
        say(_usage(problem))
        sys.exit(getattr(problem, "exit_code", BAD_INPUT))
    except (KeyboardInterrupt, typer.Abort):
        say("Stopped; the store is as it was before the file at hand.")
        sys.exit(INTERRUPTED)
    except BrokenPipeError:  # the reader of our output has gone, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(UNEXPECTED)
    except Exception as error:
        if os.environ.get("FORERUNNER_DEBUG"):
            traceback.print_exc()
        say(_known(error) or _unexpected())
        sys.exit(UNEXPECTED)


def speak_utf8() -> None:
    """Write UTF-8 whatever the terminal's locale says; a file name that is no text is written with escapes."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")


def _usage(problem: typer.TyperException) -> str:
    """A mistake in how a command was called, in one line, and where to read on."""
    words = getattr(problem, "format_message", problem.__str__)()
    command = getattr(getattr(problem, "ctx", None), "command_path", "python -m analytics")
    words = words.replace("Value error, ", "")
    sentence = re.sub(r"[.?] (\w)", lambda start: f"; {start[1].lower()}", " ".join(words.split())).rstrip(".?")
    return f"{sentence}; see {command} --help."


def _known(error: Exception) -> str | None:
    """What is neither bad input nor a fault of ours."""
    if isinstance(error, (MemoryError, duckdb.OutOfMemoryException)):
        return "There was not enough memory, and the store is as it was; give more with FORERUNNER_MEMORY."
    full = isinstance(error, OSError) and error.errno == errno.ENOSPC
    if full or (isinstance(error, duckdb.Error) and "No space left on device" in str(error)):
        return "The disk is full, and the store is as it was; make room and try again."
    return None


def _unexpected() -> str:
    """A fault of ours: the traceback goes into a file, which may hold parts of the data, so it stays on the machine."""
    reference = secrets.token_hex(4)
    file = _log(reference, traceback.format_exc())
    return f"Something unexpected went wrong; please report the reference {reference} (details are in {file})."


def _log(reference: str, details: str) -> Path:
    try:
        folder = local_folder(read_settings()) / "errors"
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, BadInput):
        folder = Path(tempfile.gettempdir())
    file = folder / f"{reference}.txt"
    file.touch(mode=0o600)
    file.write_text(details, encoding="utf-8", errors="backslashreplace")
    return file
