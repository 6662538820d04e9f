"""The command line: `lambdatotp --help`."""

from __future__ import annotations

import io
import os
import sys

import click

from lambdatotp import __version__

from .check_table import check_table
from .completion import completion
from .create_table import create_table
from .deploy import deploy
from .doctor import doctor
from .exporting import export
from .group import USAGE, Commands
from .importing import import_
from .keys import new_key, reseal
from .listing import list_
from .new import new
from .serve import serve
from .users import confirm, delete, recovery, register, rotate, show, unlock, verify

EPILOG = """
\b
Exit codes:
  0    done
  1    refused: a wrong code, no such user, a row that cannot be imported, ...
  2    usage error
  3    undecided: the table or the configuration cannot be used
  130  interrupted

Options or environment variables (LAMBDATOTP_TABLE_NAME, AWS_REGION,
AWS_PROFILE, ...) say where the table is.

\b
Examples:
  lambdatotp register ana@example.com
  lambdatotp import users.csv --dry-run
  lambdatotp COMMAND --help
"""


@click.group(
    cls=Commands,
    epilog=EPILOG,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, prog_name="lambdatotp")
@click.pass_context
def main(context: click.Context) -> None:
    """Manage a lambdatotp table and its users: a TOTP second factor on DynamoDB."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())
        # A script that lost its command should notice.
        context.exit(USAGE)


main.add_section("One user", register, verify, rotate, confirm, show, unlock, recovery, delete)
main.add_section("All users", list_, check_table, import_, export)
main.add_section("The table", create_table, doctor, new_key, reseal)
main.add_section("The app", new, serve, deploy)
main.add_section("Shell", completion)


def _replace_closed_streams() -> None:
    """Put something in place of what was closed (`>&-`), before a file gets its number.

    What is read is empty, and what is written fails: it would be lost.
    """
    if sys.stdin is None:
        sys.stdin = os.fdopen(os.open(os.devnull, os.O_RDONLY))
    if sys.stdout is None:
        sys.stdout = os.fdopen(os.open(os.devnull, os.O_RDONLY), "w")
    if sys.stderr is None:
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")


def run() -> None:
    """Run the command line; what goes wrong is told in one line."""
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        # Characters that the terminal's encoding lacks are escaped; they are not errors.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    main(prog_name="lambdatotp")
