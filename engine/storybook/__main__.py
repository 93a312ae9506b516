"""`python -m engine.storybook train vae|base|writer`, `package`, `check [--quick] [--only PART]
[--write]`, `freeze`.

Training the base trains its weak sibling on the way: the base after its first part.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.store import read_json, write_json

TRAININGS = ("vae", "base", "writer")
PACKAGES = (*TRAININGS, "weak")
DEFAULT_WORK = Path.home() / ".cache" / "selma-studio" / "training"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m engine.storybook", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    train = actions.add_parser(
        "train", help="train one model; started again, it goes on where it was"
    )
    train.add_argument("model", choices=TRAININGS)
    package = actions.add_parser("package", help="write a trained model to assets/storybook")
    package.add_argument("model", choices=PACKAGES)
    for action in (train, package):
        action.add_argument(
            "--work", type=Path, default=DEFAULT_WORK, help="checkpoints; %(default)s unless told"
        )
    check = actions.add_parser("check", help="measure every bar and print one JSON line")
    check.add_argument(
        "--quick", action="store_true", help="fewer scenes and prompts, about three minutes"
    )
    check.add_argument(
        "--only", nargs="+", metavar="PART", help="judge, vae, base, weak, writer; all unless told"
    )
    check.add_argument(
        "--write", action="store_true", help="keep the measurements in assets/storybook/check.json"
    )
    actions.add_parser("freeze", help="draw the evaluation prompts anew; voids everything measured")
    options = parser.parse_args(arguments)
    try:
        for event in run(options):
            print(event.text, flush=True)
    except EngineError as error:
        print(error, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(
            "Stopped. A training goes on from its last checkpoint when it is started again.",
            file=sys.stderr,
        )
        return 1
    return 0


def run(options: argparse.Namespace) -> Iterator[Event]:
    if options.action == "freeze":
        from engine.storybook import evaluation

        evaluation.freeze()
        yield Event("froze the evaluation prompts", kind="done")
    elif options.action == "train":
        yield from training(options.model, options.work)
    elif options.action == "package":
        from engine.storybook.train import package

        yield Event(f"wrote {package.package(options.model, options.work)}", kind="done")
    else:
        yield from checking(options)


def checking(options: argparse.Namespace) -> Iterator[Event]:
    """Measure, and keep what was measured where that is asked for."""
    from engine.storybook import MODELS, bars, check
    from engine.storybook.train import cards

    parts = options.only or check.PARTS
    if unknown := [part for part in parts if part not in check.PARTS]:
        raise EngineError(
            f"There is no part called {unknown[0]!r}. Choose from {', '.join(check.PARTS)}."
        )
    if options.write and options.quick:
        raise EngineError(
            "What --quick measures is too little to keep. Leave out --quick or --write."
        )
    file = bars.VALUES_FILE
    known = read_json(file) if options.write and options.only else None
    found = check.measure(check.QUICK if options.quick else check.Size(), parts)
    yield Event(json.dumps(found), kind="done")
    if options.write:
        write_json(file, check.renew(known, found, parts) if known else found)
        cards.renew(MODELS, read_json(file))


def training(model: str, work: Path) -> Iterator[Event]:
    """One model's training in `work/<model>`; the base needs the codec first."""
    from engine.storybook.train import base, vae, writer
    from engine.storybook.train.package import codec

    if model == "vae":
        yield from vae.run(work / "vae")
    elif model == "writer":
        yield from writer.run(work / "writer")
    else:
        vae_folder = codec(work)
        yield Event(f"The base learns the latents of the codec in {vae_folder}.")
        yield from base.run(work / "base", work / "data", vae_folder)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
