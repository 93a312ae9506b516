"""Runs: which there are (`names`), what one holds (`contents`), how it goes on from a recipe
(`resume`), its pictures while a slider moves (`preview`), and what people are asked about it
(`voting`).
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
    "run_names",
    "new_name",
    "open_store",
    "rename",
    "to_work_on",
    "votes_url",
    "writable",
]
