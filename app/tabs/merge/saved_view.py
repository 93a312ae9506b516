"""The saved merges below the sliders, and which experts have no slider."""

from app.show import markup
from engine import runs
from engine.runs import contents, saved_merges


def view(run: str, most_sliders: int) -> str:
    """The run's merges with what they were made of; and which experts have no slider."""
    store = runs.open_store(run)
    html = ""
    if without := contents.summary(store).experts[most_sliders:]:
        html += markup.aside(
            f"There are sliders for the first {most_sliders} experts. Without one: "
            f"{', '.join(without)}. The command line merges any number."
        )
    saved = saved_merges.read(store)
    html += "".join(map(markup.aside, saved.damaged))
    return html + (markup.definitions("Saved merges", saved.sentences) if saved.recipes else "")
