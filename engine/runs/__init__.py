"""Runs: which there are (`names`), what one holds (`contents`), how it goes on from a recipe
(`resume`), its pictures while a slider moves (`preview`), and what people are asked about it
(`voting`).
"""

from engine.runs.names import (
    EXAMPLE,
    NEW,
    check_changeable,
    check_there,
    delete,
    first_shown,
    folder,
    has_votes,
    listed,
    new_name,
    open_store,
    rename,
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
    "first_shown",
    "folder",
    "has_votes",
    "listed",
    "new_name",
    "open_store",
    "rename",
    "to_work_on",
    "votes_url",
    "writable",
]
