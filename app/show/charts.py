"""Records as plotly figures, drawn by the plotly.js that comes with Gradio: nothing is fetched from
anywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from engine.evaluate.standings import Point
from engine.evaluate.standings.units import SHARE, Unit

if TYPE_CHECKING:
    from plotly.graph_objects import Figure

INK = "#78716c"
"""Text and lines: read on paper, and seen at night until the style sheet lightens the text."""
GRID = "rgba(120, 113, 108, .22)"
COLOURS = (
    "#0d9488",
    "#ea580c",
    "#6366f1",
    "#a16207",
    "#db2777",
    "#4d7c0f",
    "#0284c7",
    "#a855f7",
    "#78716c",
    "#dc2626",
    "#059669",
    "#2563eb",
)
"""Seen on paper and at night, with a whisker on them; a model or an expert keeps its colour by its
place among all."""
OPPOSED, UNRELATED, AGREED = "#fdba74", "#e7e5e4", "#5eead4"
"""Ends and middle of a heat map: light in both, since the numbers in it are dark."""


DOTTED = {"color": INK, "width": 1, "dash": "dot"}
AXIS = {
    "gridcolor": GRID,
    "zerolinecolor": GRID,
    "automargin": True,
    "fixedrange": True,
}
LEGEND = {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0}
LAYOUT: dict[str, Any] = {
    "template": "none",
    "paper_bgcolor": "rgba(0,0,0,0)",
    "plot_bgcolor": "rgba(0,0,0,0)",
    "font": {"color": INK, "size": 13, "family": "system-ui, sans-serif"},
    "margin": {"l": 8, "r": 8, "t": 12, "b": 8},
    "legend": LEGEND,
    "hoverlabel": {"namelength": -1},
}
Curve = Sequence[tuple[int, float]]
"""(step, value) for each point."""


class Axes(NamedTuple):
    """The titles of a figure's axes, and how high it is."""

    x: str = ""
    y: str = ""
    height_pixels: int = 340


def losses(training: Mapping[str, Curve], held_out: Mapping[str, Curve]) -> "Figure":
    """A line per expert, (step, loss); dots for the loss on pictures held out of its training."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (name, curve) in enumerate(training.items()):
        colour = COLOURS[number % len(COLOURS)]
        _add_training(figure, name, curve, colour)
        if checks := held_out.get(name):
            _add_held_out(figure, name, checks, colour)
    return _calm(figure, Axes("step", "loss"))


def bars(values: Mapping[str, Mapping[str, Point]], unit: Unit = SHARE) -> "Figure":
    """`values`: model -> group (a skill, say) -> point. Groups side by side, a bar per model,
    whiskers for intervals.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (model, points) in enumerate(values.items()):
        colour = COLOURS[number % len(COLOURS)]
        whiskers = _whiskers(points.values(), unit)
        figure.add_bar(
            x=list(points),
            y=_scaled((point.value for point in points.values()), unit),
            name=model,
            error_y=whiskers | {"thickness": 1.5, "width": 3, "color": INK},
            marker={"color": colour},
            hovertemplate=_reading("%{x}", unit),
        )
    if unit is SHARE:
        figure.update_yaxes(range=[0, 100])
    figure.update_layout(barmode="group", bargap=0.25)
    return _calm(figure, Axes(y=unit.axis))


def preferences(rates: Mapping[str, Point]) -> "Figure":
    """A line per duel: the share of votes for the first of two models, with its interval; the
    middle is no preference.
    """
    import plotly.graph_objects as go

    names = list(rates)[::-1]  # the first one on top
    points = [rates[name] for name in names]
    whiskers = _whiskers(points, SHARE) | {"thickness": 2, "width": 6, "color": COLOURS[0]}
    figure = go.Figure()
    figure.add_scatter(
        x=_scaled((point.value for point in points), SHARE),
        y=names,
        error_x=whiskers,
        mode="markers",
        showlegend=False,
        marker={"size": 11, "color": COLOURS[0]},
        hovertemplate="%{x:.1f} %",
    )
    figure.add_vline(x=50, line=DOTTED)
    figure.update_xaxes(range=[0, 100])
    return _calm(figure, Axes("preferred, %", height_pixels=130 + 44 * len(names)))


def progress(candidates: Curve, threshold: float, unit: Unit = SHARE) -> "Figure":
    """Dots in the order in which they were tried, and a line at what they are to exceed."""
    import plotly.graph_objects as go

    numbers, scores = _columns(candidates)
    figure = go.Figure()
    figure.add_scatter(
        x=numbers,
        y=_scaled(scores, unit),
        name="candidates",
        mode="markers",
        marker={"size": 8, "color": COLOURS[0]},
        showlegend=False,
        hovertemplate=_reading("%{x}", unit),
    )
    figure.add_hline(y=unit.times * threshold, line=DOTTED)
    return _calm(figure, Axes("candidate", unit.axis, height_pixels=260))


def heat_map(cosines: Sequence[Sequence[float]], names: Sequence[str]) -> "Figure":
    """A square of cosines: teal agrees, orange opposes; the numbers stand in it."""
    import plotly.graph_objects as go

    squares = go.Heatmap(
        z=list(map(list, cosines)),
        x=list(names),
        y=list(names),
        zmin=-1,
        zmax=1,
        xgap=3,
        ygap=3,
        showscale=False,
        colorscale=[[0, OPPOSED], [0.5, UNRELATED], [1, AGREED]],
        texttemplate="%{z:.2f}",
        hovertemplate="%{y} and %{x}: %{z:.3f}<extra></extra>",
    )
    figure = _calm(go.Figure(squares), Axes(height_pixels=120 + 48 * len(names)))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def running_mean(values: Sequence[float], span: int = 15) -> list[float]:
    """Each value's mean with up to `span` - 1 before it; losses of single batches jump."""
    means: list[float] = []
    for end in range(1, len(values) + 1):
        part = values[max(0, end - span) : end]
        means.append(sum(part) / len(part))
    return means


def _add_training(figure: "Figure", name: str, curve: Curve, colour: str) -> None:
    steps, losses = _columns(curve)
    figure.add_scatter(
        x=steps,
        y=running_mean(losses),
        name=name,
        mode="lines",
        legendgroup=name,
        line={"color": colour, "width": 2},
        hovertemplate="step %{x}: %{y:.4f}",
    )


def _add_held_out(figure: "Figure", name: str, curve: Curve, colour: str) -> None:
    steps, losses = _columns(curve)
    figure.add_scatter(
        x=steps,
        y=losses,
        name=f"{name}, held out",
        mode="markers+lines",
        legendgroup=name,
        showlegend=False,
        line={"color": colour, "width": 1, "dash": "dot"},
        marker={"size": 7},
        hovertemplate="held out, step %{x}: %{y:.4f}",
    )


def _calm(figure: "Figure", axes: Axes) -> "Figure":
    """No box, no template, colours that suit paper and night."""
    figure.update_layout(height=axes.height_pixels, **LAYOUT)
    figure.update_xaxes(title=axes.x, **AXIS)
    figure.update_yaxes(title=axes.y, **AXIS)
    return figure


def _columns(curve: Curve) -> tuple[list[int], list[float]]:
    steps, values = [], []
    for step, value in curve:
        steps.append(step)
        values.append(value)
    return steps, values


def _scaled(values: Iterable[float], unit: Unit) -> list[float]:
    """As they are shown: a share in percent."""
    return [unit.times * value for value in values]


def _reading(place: str, unit: Unit) -> str:
    """What is said at the pointer."""
    return f"{place}: %{{y:.{unit.digits}f}}"


def _whiskers(points: Iterable[Point], unit: Unit) -> dict[str, Any]:
    """Error bars, none where a point has no interval."""
    above, below = [], []
    for point in points:
        high = point.value if point.high is None else point.high
        low = point.value if point.low is None else point.low
        above.append(unit.times * (high - point.value))
        below.append(unit.times * (point.value - low))
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below}
