"""A full disk, as far as this process can tell: the system lets no file grow beyond a size."""
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def full_disk(most_bytes: int = 0) -> Iterator[None]:
    """Writes beyond `most_bytes` of any file fail inside (POSIX alone can limit them)."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
