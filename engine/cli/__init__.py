"""The command line: the whole line from a recipe, one stage, and what runs, jobs and votes there
are.

A command is a module with `add`, which describes it and says what it runs. All that is slow to
import is imported by the command that needs it, so that help comes at once.
"""

import argparse
import sys

from engine import worlds
from engine.cli import jobs, recipes, runs, stages, votes
from engine.core.errors import EngineError

COMMANDS = (recipes, stages, runs, jobs, votes)
DESCRIPTION = "Prompts of a skill, their pictures, a LoRA expert per skill, the merge, its score."
EXAMPLES = f"""\
examples:
  python -m engine run assets/recipes/{worlds.usual().RECIPE}.toml --out runs/demo
  python -m engine adopt runs/demo file=downloads/watercolour.safetensors name=watercolour
  python -m engine merge runs/demo name=mine method=ties "experts={{counting=1.0, watercolour=0.5}}"
  python -m engine export runs/demo name=mine
  python -m engine experts runs/demo/jobs/0003-experts
  python -m engine runs
  python -m engine jobs follow demo
  python -m engine votes demo

Everything can be interrupted (Ctrl-C) and started again: what is finished stays, what is missing is
done."""


def main(arguments: list[str]) -> int:
    """Run one command. Returns the exit code: 0 when all is done, 1 where it failed or stopped."""
    parsed = _parser().parse_args(arguments)
    try:
        return parsed.execute(parsed)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "python -m engine",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        description=DESCRIPTION,
        epilog=EXAMPLES,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for module in COMMANDS:
        module.add(commands)
    return parser
