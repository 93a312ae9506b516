"""Runs: which there are (`names`), what one holds, how it goes on, and what is seen of it.

Holdings: `contents`, `trainings`, `saved_merges`, `interference`, and for other programs
`downloads`. How a run goes on: `resume` from its recipe, `settings` from its last jobs;
`recipe_files` are the recipes to begin with, `recipe_texts` say how a part was made. What is seen:
`opening` first, then `preview` while a slider moves, `side_by_side` with the judge's reading,
`fresh_prompts` at a press; `voting` is what people are asked.
"""

from engine.runs.names import (
    EXAMPLE,
    NEW,
    check_changeable,
    check_there,
    default_run,
    delete,
    folder,
    has_votes,
    is_there,
    new_name,
    open_store,
    rename,
    run_names,
    to_work_on,
    votes_url,
    writable,
)

__all__ = [
    "EXAMPLE",
    "NEW",
    "check_changeable",
    "check_there",
    "delete",
    "default_run",
    "folder",
    "has_votes",
    "is_there",
    "run_names",
    "new_name",
    "open_store",
    "rename",
    "to_work_on",
    "votes_url",
    "writable",
]
