"""The command line: `lambdatotp --help`."""

from __future__ import annotations

import sys

import click

from lambdatotp import LambdaTotpError, __version__

from .doctor import doctor
from .keys import new_key, reseal
from .table import create_table
from .users import delete, recovery, register, show, unlock, verify

EPILOG = """
Exit codes: 0 done; 1 refused, failed, or something is wrong; 2 used wrongly.

Where the table is comes from the options, else from the environment
(LAMBDATOTP_TABLE_NAME, AWS_REGION, AWS_PROFILE, ...).
"""


@click.group(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lambdatotp")
def main() -> None:
    """Look after a lambdatotp table and its users: a TOTP second factor on DynamoDB."""


USERS = (register, verify, show, unlock, recovery, delete)
TABLE = (create_table, doctor, new_key, reseal)
for command in (*USERS, *TABLE):
    main.add_command(command)


def run() -> None:
    """Run the command line; what goes wrong is told in one line."""
    try:
        main(prog_name="lambdatotp")
    except LambdaTotpError as error:
        click.echo(f"lambdatotp: {error}", err=True)
        sys.exit(1)
