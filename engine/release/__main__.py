"""`python -m engine.release tables` writes every table of the guides from what it is made of;
`python -m engine.release example RUN` makes a finished run the one that the app opens with.
"""

import argparse
import sys
from pathlib import Path

from engine.core.errors import EngineError


def main(arguments: list[str]) -> int:
    """Run one command. Returns the exit code."""
    chosen = _parser().parse_args(arguments)
    try:
        if chosen.command == "tables":
            from engine.release import tables

            tables.write()
        else:
            from engine.release import example

            example.ship(chosen.run)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser("python -m engine.release", description=__doc__)
    commands = top.add_subparsers(dest="command", required=True, metavar="COMMAND")
    commands.add_parser("tables", help="rewrite the tables between the marks of the guides")
    example = commands.add_parser("example", help="ship a finished run as the app's example")
    example.add_argument("run", type=Path, metavar="RUN", help="the folder of a finished run")
    return top


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
