"""Files that the command line writes: new ones only, for their owner alone."""

from __future__ import annotations

import os
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

if TYPE_CHECKING:
    from collections.abc import Iterator


def _refusal(text: str) -> click.UsageError:
    return click.UsageError(text, click.get_current_context(silent=True))


def _create(path: Path) -> TextIO:
    """Create a file. What has that name already stays as it is, a link to nowhere included."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(handle, "w", encoding="utf-8", newline="")


@contextmanager
def new_file(file: str) -> Iterator[TextIO]:
    """Open a new file, and keep what was written of it, whatever happens.

    Raises:
        click.UsageError: There is one already, or it cannot be created.
    """
    path = Path(file)
    try:
        stream = _create(path)
    except FileExistsError:
        raise _refusal(f"{file} already exists: choose another name, or remove it") from None
    except (OSError, ValueError) as error:
        raise _refusal(f"{file} cannot be created: {_reason(error)}") from None
    with stream:
        yield stream


@contextmanager
def whole_file(file: str) -> Iterator[TextIO]:
    """Open a new file that has its name once it is whole, or else is not there.

    Raises:
        click.UsageError: There is one already, or it cannot be created.
    """
    path = Path(file)
    if os.path.lexists(path):
        raise _refusal(f"{file} already exists: choose another name, or remove it")
    part = Path(f"{file}.part")
    try:
        stream = _create(part)
    except FileExistsError:
        raise _refusal(
            f"{part} already exists: another export writes it, or was stopped; then remove it"
        ) from None
    except (OSError, ValueError) as error:
        raise _refusal(f"{file} cannot be created: {_reason(error)}") from None
    try:
        with stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        _name(part, path)
    finally:
        with suppress(FileNotFoundError):
            part.unlink()


def _name(part: Path, path: Path) -> None:
    """Give a file its name, unless another one got it meanwhile."""
    with suppress(FileExistsError):
        try:
            # A rename would replace an existing file; a link does not.
            os.link(part, path)
        except FileExistsError:
            raise
        except OSError:
            # On a file system without hard links, the name is taken first, then the file follows.
            _create(path).close()
            part.replace(path)
        return
    raise _refusal(
        f"{path} already exists, made a moment ago by another program: nothing was written"
    )


def _reason(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)
