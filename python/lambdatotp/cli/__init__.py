"""The command line: `lambdatotp --help`."""

from __future__ import annotations

import click

from lambdatotp import __version__

from .completion import completion
from .doctor import doctor
from .exporting import export
from .group import Commands
from .importing import import_
from .keys import new_key, reseal
from .listing import check_table, list_
from .serve import serve
from .table import create_table
from .users import delete, recovery, register, show, unlock, verify

EPILOG = """
\b
Exit codes:
  0    done
  1    refused: a wrong code, no such user, a row that cannot be imported, ...
  2    used wrongly
  3    no verdict: the table, or the configuration, cannot be used
  130  interrupted

Where the table is comes from the options, else from the environment
(LAMBDATOTP_TABLE_NAME, AWS_REGION, AWS_PROFILE, ...).

\b
Examples:
  lambdatotp register ana@example.com
  lambdatotp import users.csv --dry-run
  lambdatotp COMMAND --help
"""


@click.group(cls=Commands, epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="lambdatotp")
def main() -> None:
    """Look after a lambdatotp table and its users: a TOTP second factor on DynamoDB."""


main.add_section("One user", register, verify, show, unlock, recovery, delete)
main.add_section("All users", list_, check_table, import_, export)
main.add_section("The table", create_table, doctor, new_key, reseal)
main.add_section("Here", serve, completion)


def run() -> None:
    """Run the command line; what goes wrong is told in one line."""
    main(prog_name="lambdatotp")
