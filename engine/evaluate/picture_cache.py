"""The pictures that a run's evaluations painted, so that another judge need not paint them again.

A file is named by the sha256 of all that decides its picture, so whoever asks for the same picture
finds it, whichever arm, split or study painted it, and other settings never find it. What was
thrown away is painted again from its own seed, to the same bits.
"""

from collections.abc import Callable, Container
from pathlib import Path

from PIL import Image

from engine.core.store import Store, atomic

FOLDER = "painted"
BYTES_PER_MB = 1_000_000


class PictureCache:
    """PNG files in a folder of the run. Raises EngineError where it cannot be written."""

    def __init__(self, store: Store, budget_mb: int) -> None:
        self.folder = store.folder / FOLDER
        self.budget_bytes = budget_mb * BYTES_PER_MB

    def file(self, identity: str) -> Path:
        return self.folder / f"{identity}.png"

    def holds(self, identity: str) -> bool:
        return self.file(identity).is_file()

    def add(self, identity: str, image: Image.Image) -> int:
        """Keep a picture, and return the bytes that this takes."""
        file = self.file(identity)
        with atomic(file) as temporary:
            image.save(temporary)
        return file.stat().st_size

    def trim(self, needed: Callable[[], Container[str]]) -> None:
        """Throw away the oldest pictures beyond the budget, but none that is `needed`.

        `needed` gives the identities of those still to be judged; it is called only where there is
        too much.
        """
        files = []
        total_bytes = 0
        for file in self.folder.glob("[!.]*.png"):
            stat = file.stat()
            total_bytes += stat.st_size
            files.append((stat.st_mtime_ns, file, stat.st_size))
        excess_bytes = total_bytes - self.budget_bytes
        if excess_bytes <= 0:
            return
        stay = needed()
        for _, file, size_bytes in sorted(files):
            if excess_bytes <= 0:
                return
            if file.stem not in stay:
                file.unlink(missing_ok=True)
                excess_bytes -= size_bytes
