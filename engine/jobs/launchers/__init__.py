"""How a job's process is begun, looked for and stopped: a launcher is a file with three functions.

`local` runs it on this machine. One for a cluster hands the same command to its scheduler; the job
still writes its own events, so following it needs nothing but the shared folder.
"""

from pathlib import Path
from typing import Protocol


class Launcher(Protocol):
    """What every module of this folder offers."""

    def start(self, command: list[str], job: Path) -> None:
        """Begin the command; it outlives the caller, and prints to the job's log.txt.

        Once this returns, `alive` is true until the process ends. Raises OSError where the process
        cannot begin.
        """

    def alive(self, job: Path) -> bool:
        """Whether the job's process is there. Any process of any server may ask."""

    def stop(self, job: Path, patience_seconds: float) -> None:
        """Ask the process to stop, which saves its work; if it does not in time, end it by force.

        Afterwards `alive` is false.
        """
