"""The command group: every error in one line that says what to do, and an exit code."""

from __future__ import annotations

import logging
import os
import sys
import warnings
from contextlib import suppress
from typing import Any

import click

from lambdatotp import (
    ConfigurationError,
    InternalError,
    LambdaTotpError,
    LambdaTotpWarning,
    StoreCorruptError,
    StoreUnavailableError,
)

from .output import tell

REFUSED, USAGE, NO_VERDICT, INTERRUPTED = 1, 2, 3, 130

# Not about the user or the code: the table, or the way to it, is at fault.
NO_VERDICTS = (ConfigurationError, InternalError, StoreCorruptError, StoreUnavailableError)


def _said(error: click.ClickException) -> str:
    context = error.ctx if isinstance(error, click.UsageError) else None
    message = error.format_message().rstrip(".")
    return f"{message}: see {context.command_path} --help" if context else message


def _warn(message: Warning | str, *_: object) -> None:
    tell(f"warning: {message}")


def _discard_output() -> None:
    """Send what is still to be written nowhere: the interpreter writes it when it ends."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


class Commands(click.Group):
    """A group that lists its commands by what they are for, and tells errors in a line."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:  # noqa: ANN401 - click's own
        super().__init__(*arguments, **settings)
        self.sections: dict[str, tuple[click.Command, ...]] = {}

    def add_section(self, title: str, *commands: click.Command) -> None:
        """Add commands that belong together."""
        self.sections[title] = commands
        for command in commands:
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's own
        """Name the commands, those together that belong together."""
        return [command.name or "" for group in self.sections.values() for command in group]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's own
        """Write the commands, section by section."""
        for title, commands in self.sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(command.name or "", command.get_short_help_str(60)) for command in commands]
                )

    def main(self, *arguments: Any, **settings: Any) -> Any:  # noqa: ANN401 - click's own
        """Run a command, and end the process."""
        # An internal error is printed below; the log would print it again.
        logging.getLogger("lambdatotp").addHandler(logging.NullHandler())
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("always", LambdaTotpWarning)
                warnings.showwarning = _warn  # type: ignore[assignment]
                try:
                    code = super().main(*arguments, **{**settings, "standalone_mode": False})
                except SystemExit as left:
                    code = left.code
            # Here, so that we report a failed write, and not the interpreter as it exits.
            sys.stdout.flush()
        except BrokenPipeError:
            # `... | head`: the reader has seen enough.
            _discard_output()
            sys.exit(REFUSED)
        except click.Abort as error:
            if isinstance(error.__cause__ or error.__context__, EOFError):
                tell("no answer was typed")
                sys.exit(USAGE)
            tell("interrupted")
            sys.exit(INTERRUPTED)
        except click.ClickException as error:
            tell(_said(error))
            sys.exit(error.exit_code)
        except LambdaTotpError as error:
            tell(str(error))
            sys.exit(NO_VERDICT if isinstance(error, NO_VERDICTS) else REFUSED)
        except OSError as error:
            # A full disk behind standard output, a file that cannot be read to its end, ...
            _discard_output()
            tell(f"{error.filename or 'the output'}: {error.strerror or error}")
            sys.exit(REFUSED)
        sys.exit(code if isinstance(code, int) else 0)
