"""Records that keep what they do not know of their JSON object."""

from dataclasses import dataclass, field, fields
from typing import Any

MORE = "more"


@dataclass(frozen=True, kw_only=True)
class Open:
    """A record whose JSON object a later version may have said more in.

    That is kept, because whoever goes on with a file writes all of it anew.
    """

    more: dict[str, Any] = field(default_factory=dict)
    """By name, as the object has it."""

    def as_json(self) -> dict[str, Any]:
        """By name, in the fields' order; a field is left out whose default is None, where it is."""
        values = {}
        for one in fields(self):
            value = getattr(self, one.name)
            is_missing = value is None and one.default is None
            if one.name != MORE and not is_missing:
                values[one.name] = value
        return values | self.more
