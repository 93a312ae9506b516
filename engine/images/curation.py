"""What the images stage may not undo: pictures and captions that people edited."""

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

from engine.core.errors import EngineError
from engine.core.picture_folder import Curated, Original, listed

if TYPE_CHECKING:
    from engine.images.shards import Item, Shard


def is_of(item: "Item | None", one: Original) -> bool:
    """Whether a painted picture is what an item asks for."""
    return (
        item is not None
        and (item.prompt.id, item.prompt.text) == (one.prompt_id, one.text)
        and one.seed in item.seeds
    )


def check(
    shards: "Sequence[Shard]",
    skill: str,
    originals: Mapping[str, Original],
    curated: Curated,
    edited: Collection[str],
) -> None:
    """Raises EngineError where painting these shards would undo what people did."""
    items = {item.file_name: item for shard in shards for item in shard.items}
    asked = {(item.prompt.id, item.prompt.text) for item in items.values()}
    gone = set(curated.gone)
    moved = [
        originals[name] for name in sorted(edited) if not is_of(items.get(name), originals[name])
    ]
    lost = [
        one.file_name
        for one in moved
        if one.file_name not in gone or (one.prompt_id, one.text) in asked
    ]
    if lost:
        raise EngineError(
            f"Pictures of {skill} were edited by hand ({listed(lost)}), and their "
            "prompts are others now or stand elsewhere: painting would undo it. Put "
            "the prompts back, or set replace to paint anew."
        )
    added = set(curated.added) - set(originals)
    if taken := sorted(added & set(items)):
        raise EngineError(
            f"{listed(taken)} of {skill} came by hand, and the images stage would "
            "paint pictures of these names. Give them other names, in metadata.jsonl, "
            "too."
        )
