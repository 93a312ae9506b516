"""What a person may write into a TOML file: each value as another one."""

import tomllib
from typing import Any

from engine.core.config import to_toml
from tests.bad_inputs.mutations import DEEP, HERE, Damage, places, put

WRONG = {
    "a number": "5",
    "below nothing": "-1",
    "a word": '"x"',
    "an empty text": '""',
    "a list": "[]",
    "a list of a number": "[5]",
    "two of one": '["x", "x"]',
    "a table": "{}",
    "a table of a list": "{ a = [] }",
    "true": "true",
    "nan": "nan",
    "infinity": "inf",
    "enormous": "1e12",
    "300 digits": "9" * 300,
    "a date": "1979-05-27",
    "2,000 lists": DEEP,
    "300 letters": f'"{"y" * 300}"',
    "a way out": '"../../x"',
    "NUL": '"a\\u0000b"',
    "a folder": '"/etc"',
    "nobody's home": '"~no-such-user/x"',
    "no TOML": "= =",
}


def of_toml(table: dict[str, Any]) -> list[Damage]:
    """Every value as each wrong one."""
    found = []
    for place in places(table):
        if not place:
            continue
        text = to_toml(put(tomllib.loads(to_toml(table)), place, HERE))
        found += [
            Damage(
                f"{'.'.join(map(str, place))} is {said}", text.replace(f'"{HERE}"', wrong).encode()
            )
            for said, wrong in WRONG.items()
        ]
    return found
