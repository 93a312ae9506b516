"""A judge scores a skill's pictures, and the pictures of one prompt that differ become pairs."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain, combinations, starmap

from engine import judges
from engine.core import picture_files, picture_folder, plugins
from engine.core.edited_pictures import Current
from engine.core.errors import EngineError
from engine.core.events import Event
from engine.core.provenance import difference, versions
from engine.core.store import Store, read_object, read_records, write_json, write_records
from engine.core.types import Prompt
from engine.experts import latents
from engine.experts.sources import pairs
from engine.experts.sources.pairs.records import Folder, Grade, Pair, folder

AT_ONCE = 64
"""Pictures that are judged between two writes."""


@dataclass(frozen=True)
class Candidate:
    """A picture that may be part of a pair."""

    picture: Current
    prompt: Prompt
    seed: int


def prepare(options: pairs.Config, store: Store, skill: str, replace: bool) -> Iterator[Event]:
    """Make pairs/<skill>/ where it is not there; go on where a judging was interrupted."""
    own = folder(store, skill)
    brought_by_people = own.pairs.exists() and not own.recipe.exists()
    if brought_by_people or (own.pairs.exists() and not options.judge):
        return
    if not options.judge:
        raise _no_pairs(own, skill)
    _begin(own, options, store, skill, replace)
    if own.pairs.exists():
        return
    by_caption = _candidates(store, skill)
    if not by_caption:
        raise EngineError(
            f"Each prompt of {skill} has one picture, and a pair needs two. Set "
            "pictures_per_prompt of the images stage to 2 or more, and run it again."
        )
    values = yield from _judged(own, options, by_caption, skill)
    found = list(_pairs(by_caption, values, options))
    if not found:
        raise _no_differences(values, options, skill)
    write_records(own.pairs, found)
    yield Event(f"Made {len(found)} pairs of {skill}.")


def _begin(own: Folder, options: pairs.Config, store: Store, skill: str, replace: bool) -> None:
    """Write what decides the pairs before the first score, so that no score is taken for another's.

    Raises EngineError where the folder holds others and `replace` is off.
    """
    identity = {
        "judge": options.judge,
        "judge_options": options.judge_options,
        "least_margin": options.least_margin,
        "images": latents.hashes(store, [skill])[skill],
    }
    made = read_object(own.recipe, recipe=dict)["recipe"] if own.recipe.exists() else None
    if made == identity:
        return
    if made is not None and not replace:
        raise EngineError(
            f"The pairs of {skill} were made of other pictures or by other options "
            f"({difference(made, identity)}). Set them back, set replace to judge anew, or name no "
            "judge to keep them."
        )
    own.pairs.unlink(missing_ok=True)
    own.grades.unlink(missing_ok=True)
    write_json(own.recipe, {"recipe": identity, "versions": versions()})


def _candidates(store: Store, skill: str) -> dict[str, list[Candidate]]:
    """By caption, the pictures of captions that have two or more of them."""
    known = {}
    for one in picture_folder.originals(store.images(skill)):
        known[one.file_name] = one
    by_caption: dict[str, list[Candidate]] = {}
    for picture in latents.curated_folder(store, skill).pictures:
        original = known.get(picture.file_name)
        prompt_id = original.prompt_id if original else ""
        prompt = Prompt(prompt_id, skill, picture.text)
        candidate = Candidate(picture, prompt, original.seed if original else 0)
        by_caption.setdefault(picture.text, []).append(candidate)
    return {caption: several for caption, several in by_caption.items() if len(several) > 1}


def _judged(
    own: Folder, options: pairs.Config, by_caption: Mapping[str, Sequence[Candidate]], skill: str
) -> Generator[Event, None, dict[str, float | None]]:
    """Each picture's score by its file name; what is on disk is not judged again."""
    values: dict[str, float | None] = {}
    for grade in read_records(own.grades, Grade):
        values[grade.file_name] = grade.value
    candidates = list(chain.from_iterable(by_caption.values()))
    waiting = [one for one in candidates if one.picture.file_name not in values]
    judge = options.judge_choice.open()
    for start in range(0, len(waiting), AT_ONCE):
        batch = waiting[start : start + AT_ONCE]
        prompts = [one.prompt for one in batch]
        images = [picture_files.read(one.picture.file) for one in batch]
        seeds = [one.seed for one in batch]
        for one, score in zip(batch, judge(prompts, images, seeds), strict=True):
            values[one.picture.file_name] = score.value
        write_records(own.grades, starmap(Grade, values.items()))
        yield Event(f"Judged {len(values)} of {len(candidates)} pictures of {skill}.")
    return values


def _pairs(
    by_caption: Mapping[str, Sequence[Candidate]],
    values: Mapping[str, float | None],
    options: pairs.Config,
) -> Iterator[Pair]:
    """All pairs of a caption's pictures whose scores differ enough."""
    for candidates in by_caption.values():
        for one, other in combinations(candidates, 2):
            pair = _pair(one, other, values, options)
            if pair is not None:
                yield pair


def _pair(
    one: Candidate, other: Candidate, values: Mapping[str, float | None], options: pairs.Config
) -> Pair | None:
    """None where they score alike, or where one has no score."""
    value, other_value = values[one.picture.file_name], values[other.picture.file_name]
    if value is None or other_value is None:
        return None
    gain = judges.declaration(options.judge).gain
    if gain(other_value) > gain(value):
        one, other = other, one
    margin = abs(value - other_value)
    if margin <= options.least_margin:
        return None
    names = one.picture.file_name, other.picture.file_name
    return Pair(one.prompt.id, one.prompt.skill, *names, options.judge, margin)


def _no_pairs(own: Folder, skill: str) -> EngineError:
    known = ", ".join(plugins.names(judges))
    columns = ", ".join(field.name for field in fields(Pair))
    return EngineError(
        f"There are no pairs of {skill}. Name a judge that compares its pictures ({known}), or "
        f"write {own.pairs}: a JSON line of {columns} per pair."
    )


def _no_differences(
    values: Mapping[str, float | None], options: pairs.Config, skill: str
) -> EngineError:
    """Why there are no pairs, and what helps."""
    if set(values.values()) == {None}:
        return EngineError(
            f"The judge {options.judge} can read no caption of {skill}. Name another judge."
        )
    return EngineError(
        f"The judge {options.judge} finds no two pictures of a prompt of {skill} that differ by "
        f"more than {options.least_margin}. Paint more pictures_per_prompt, lower least_margin or "
        "name another judge."
    )
