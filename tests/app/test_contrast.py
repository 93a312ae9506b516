"""Every colour can be told from what it lies on, by day and by night.

Text needs 4.5, what is no text 3 ([WCAG 2.2](https://www.w3.org/TR/WCAG22/#contrast-minimum)).
Axe sees neither figures nor slider tracks, so the pairs are computed from the style sheets and from
what figures are drawn with.
"""
import re
from itertools import chain

import pytest

from app import shell, theme
from app.show import charts
from tests.browser.colours import contrast

TEXT, GRAPHICS = 4.5, 3.0
STYLE = shell.STYLE.read_text(encoding="utf-8")
PAPERS = ("var(--body-background-fill)", "var(--block-background-fill)")
RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
SCHEMES = ("light", "dark")
TEXTS = re.compile(r"(?<![-\w])(?:color|fill):\s*([^;!}]+)")
NOT_MIXED = ("inherit", "currentcolor", "transparent", "white")


def variables(scheme: str) -> dict[str, str]:
    """What the theme and the style sheet set, those of the night over those of the day."""
    found: dict[str, str] = {}
    sheet = re.sub(r"/\*.*?\*/", "", theme.calm()._get_theme_css() + STYLE, flags=re.S)
    for wanted in (":root", ".dark")[:1 + SCHEMES.index(scheme)]:
        for selectors, body in RULE.findall(sheet):
            if any(selector.strip().endswith(wanted) for selector in selectors.split(",")):
                found |= dict(re.findall(r"(--[\w-]+):\s*([^;]+);", body))
    return found


def colour(css: str, known: dict[str, str]) -> list[float]:
    """A hex colour, or a variable that ends at one."""
    css = css.strip()
    if css.startswith("var("):
        return colour(known[css[4:-1].split(",")[0].strip()], known)
    css = {"white": "#ffffff", "black": "#000000"}.get(css, css)
    assert re.fullmatch(r"#[0-9a-f]{6}", css), f"{css} is no colour that can be compared"
    return [int(css[start:start + 2], 16) for start in (1, 3, 5)]


@pytest.fixture(params=SCHEMES)
def known(request) -> dict[str, str]:
    return variables(request.param)


def least(css: str, known: dict[str, str], papers=PAPERS) -> float:
    return min(contrast(colour(css, known), colour(paper, known)) for paper in papers)


def test_the_night_has_colours_of_its_own():
    day, night = map(variables, SCHEMES)
    for name in ("--bad", "--track", "--whisker", "--color-accent", "--body-background-fill"):
        assert colour(day[name], day) != colour(night[name], night)


def test_every_text_of_the_style_sheet_can_be_read(known):
    sheet = re.sub(r"/\*.*?\*/", "", STYLE, flags=re.S)
    seen = set()
    for selector, body in RULE.findall(sheet):
        if ".figure" in selector or ":root" in selector or selector.strip().startswith(".dark"):
            continue
        for css in map(str.strip, TEXTS.findall(body)):
            if css.lower() not in NOT_MIXED:
                seen.add(css)
                assert least(css, known) >= TEXT, f"{selector.strip()}: {css}"
    assert {"var(--bad)", "var(--color-accent)", "var(--body-text-color-subdued)"} <= seen


@pytest.mark.parametrize("name", [
    "link-text-color", "link-text-color-hover", "link-text-color-visited", "error-text-color",
    "body-text-color", "block-label-text-color", "block-title-text-color"])
def test_the_themes_texts_can_be_read(known, name):
    assert least(f"var(--{name})", known) >= TEXT


def test_the_buttons_say_what_they_do(known):
    for kind in ("primary", "secondary"):
        for fill in ("", "-hover"):
            paper = f"var(--button-{kind}-background-fill{fill})"
            ink = f"var(--button-{kind}-text-color)"
            assert least(ink, known, [paper]) >= TEXT, (kind, fill)


def test_a_slider_shows_its_whole_track_and_its_thumb(known):
    block = ["var(--block-background-fill)"]
    assert least("var(--edge)", known, block) >= GRAPHICS
    assert least("var(--slider-color)", known, block) >= GRAPHICS
    assert least("var(--slider-color)", known, ["var(--track)"]) >= GRAPHICS
    assert least("var(--checkbox-border-color)", known) >= GRAPHICS
    assert "inset 0 0 0 1px var(--edge)" in STYLE and "var(--track) var(--range_progress)" in STYLE


@pytest.mark.parametrize("drawn", charts.COLOURS)
def test_every_line_and_bar_of_a_figure_can_be_seen_with_its_whiskers(known, drawn):
    assert least(drawn, known) >= GRAPHICS
    assert least("var(--whisker)", known, [drawn, *PAPERS]) >= GRAPHICS
    assert ".figure .js-plotly-plot .errorbars path { stroke: var(--whisker) !important; }" in STYLE


def test_the_words_of_a_figure_can_be_read(known):
    night_rule = r"\.dark \.figure \.js-plotly-plot text \{ fill: (#\w+) !important"
    scheme_ink = re.search(night_rule, STYLE)[1]
    is_night = known == variables("dark")
    assert least(scheme_ink if is_night else charts.INK, known) >= TEXT
    assert least(charts.INK, known) >= GRAPHICS, "lines of what is to be beaten"


def test_the_numbers_of_a_heat_map_can_be_read():
    ink = re.search(r"\.heatmap-label text \{ fill: (#\w+)", STYLE)[1]
    ends = (charts.OPPOSED, charts.UNRELATED, charts.AGREED)
    between = [mixed(one, other, share / 10) for one, other in zip(ends, ends[1:], strict=False)
               for share in range(11)]
    assert min(contrast(colour(ink, {}), cell) for cell in between) >= TEXT


def mixed(one: str, other: str, share: float) -> list[float]:
    return [a + share * (b - a) for a, b in zip(colour(one, {}), colour(other, {}), strict=True)]


def test_no_colour_of_the_style_sheet_is_written_where_only_one_of_day_and_night_was_thought_of():
    """A hex colour belongs to a variable with both, or to a rule that the tests above name."""
    sheet = re.sub(r"/\*.*?\*/", "", shell.STYLE.read_text(encoding="utf-8"), flags=re.S)
    texts = chain.from_iterable(TEXTS.findall(body) for _, body in RULE.findall(sheet))
    assert sorted(css.strip() for css in texts if css.startswith("#")) == ["#1c1917", "#d6d3d1"]
