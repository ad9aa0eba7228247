"""Commands; thin. `main` is what the console script runs."""

import sys

from tenure import language
from tenure.errors import TenureError


def main() -> None:
    """Run the command line. What a person can mend is said in a sentence and ends with 1; Ctrl-C ends with 130."""
    # Help texts are made when the commands are loaded, so the language must be known before.
    language.choose(_asked_language(sys.argv[1:]))
    from tenure.cli.app import app
    from tenure.cli.show import complain

    try:
        app(prog_name="tenure")
    except TenureError as error:
        complain(str(error))
        sys.exit(1)


def _asked_language(arguments: list[str]) -> str | None:
    for place, argument in enumerate(arguments):
        if argument.startswith("--lang="):
            return argument.removeprefix("--lang=")
        if argument == "--lang" and place + 1 < len(arguments):
            return arguments[place + 1]
    return None
