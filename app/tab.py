"""What a tab gives to the shell."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from gradio.components import Component

from app.listeners import Updates, Values


@dataclass(frozen=True)
class Tab:
    """A built tab. The shell calls `show` when the tab is opened, the run changes, or its job has
    moved on.
    """

    inputs: Collection[Component]
    outputs: Sequence[Component]
    show: Callable[[str, Values], Updates]
    """(run, the inputs' values) -> what changes of the outputs."""
    on_open: Callable[[str], None] | None = None
    """Called with the run when the tab is opened, before `show`."""
    unseen: Collection[Component] = ()
    """Components of the tab that show nothing and are there from the first: what is in a tab is
    made only when it is opened, and what the browser keeps would be read after it was needed.
    """
