"""What the images stage may not undo: pictures and captions that people edited."""

from collections.abc import Collection, Mapping, Sequence

from engine.core.edited_pictures import CuratedFolder, Original, enumeration
from engine.core.errors import EngineError
from engine.images.shards import Item, Shard


def is_same(item: Item | None, one: Original) -> bool:
    """Whether a painted picture is of this item: its prompt, its text and one of its seeds."""
    if item is None:
        return False
    is_same_prompt = (item.prompt.id, item.prompt.text) == (one.prompt_id, one.text)
    return is_same_prompt and one.seed in item.seeds


def check(
    shards: Sequence[Shard],
    skill: str,
    originals: Mapping[str, Original],
    curated: CuratedFolder,
    edited: Collection[str],
) -> None:
    """Raises EngineError where painting these shards would undo what people did."""
    items: dict[str, Item] = {}
    for shard in shards:
        for item in shard.items:
            items[item.file_name] = item
    if lost := _lost(items, originals, set(curated.missing), edited):
        raise EngineError(
            f"Pictures of {skill} were edited by hand ({enumeration(lost)}), and their "
            "prompts are others now or stand elsewhere: painting would undo it. Put "
            "the prompts back, or set replace to paint anew."
        )
    added = set(curated.added) - set(originals)
    if taken := sorted(added & set(items)):
        raise EngineError(
            f"{enumeration(taken)} of {skill} came by hand, and the images stage would "
            "paint pictures of these names. Give them other names, in metadata.jsonl, "
            "too."
        )


def _lost(
    items: Mapping[str, Item],
    originals: Mapping[str, Original],
    gone: Collection[str],
    edited: Collection[str],
) -> list[str]:
    """Edited pictures whose place another picture will take.

    One that people removed is lost only where its prompt would be painted elsewhere.
    """
    prompts = set()
    for item in items.values():
        prompts.add((item.prompt.id, item.prompt.text))
    lost = []
    for name in sorted(edited):
        one = originals[name]
        if is_same(items.get(name), one):
            continue
        is_painted_elsewhere = (one.prompt_id, one.text) in prompts
        if name not in gone or is_painted_elsewhere:
            lost.append(name)
    return lost
