"""`lambdatotp` and `python -m lambdatotp`: the command line, if it was installed."""

import sys


def main() -> None:
    """Run the command line."""
    try:
        from .cli import run  # noqa: PLC0415 - its libraries are optional

        run()
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit("lambdatotp: the command line needs two libraries: pip install 'lambdatotp[cli]'")
    except KeyboardInterrupt:
        # While those libraries were being loaded.
        sys.exit(130)


if __name__ == "__main__":
    main()
