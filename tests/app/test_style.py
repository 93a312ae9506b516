"""Rules of the style sheet arrive in the browser as they are written."""
import re

from app import shell

RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SHORTHANDS = ("background", "border", "font", "flex", "grid", "margin", "padding", "outline")
NO_PART = ("border-radius", "border-collapse", "border-spacing", "outline-offset")
"""Named like a part of a shorthand, and none."""


def lost(sheet: str) -> list[str]:
    """Rules with a shorthand that holds a variable, and beside it one of the shorthand's parts.

    Gradio's page reads every rule from the browser and writes it anew. There, Chromium gives the
    shorthand's parts as empty, and everything that it said is gone.
    """
    found = []
    for selector, body in RULE.findall(re.sub(r"/\*.*?\*/", "", sheet, flags=re.S)):
        said = dict(re.findall(r"([\w-]+):\s*([^;]+)", body))
        found += [selector.strip() for name in SHORTHANDS if "var(" in said.get(name, "")
                  and any(other.startswith(f"{name}-") and other not in NO_PART for other in said)]
    return found


def test_no_rule_is_lost_when_the_page_writes_it_anew():
    assert lost(shell.STYLE.read_text(encoding="utf-8")) == []
    assert lost(".a { background: var(--x) 0 0; background-repeat: no-repeat; }") == [".a"]
    assert lost(".a { border: 1px solid var(--x); border-radius: 1rem; }") == []
