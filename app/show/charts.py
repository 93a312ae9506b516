"""Records as plotly figures, drawn by the plotly.js that comes with Gradio: nothing is fetched from
anywhere.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

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


def losses(
    curves: Mapping[str, Sequence[tuple[int, float]]],
    held_out: Mapping[str, Sequence[tuple[int, float]]],
) -> "Figure":
    """A line an expert, (step, loss); dots for the loss on pictures held out of its training."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (name, points) in enumerate(curves.items()):
        colour = COLOURS[number % len(COLOURS)]
        smooth = running_mean([loss for _, loss in points])
        figure.add_scatter(
            x=[step for step, _ in points],
            y=smooth,
            name=name,
            mode="lines",
            legendgroup=name,
            line={"color": colour, "width": 2},
            hovertemplate="step %{x}: %{y:.4f}",
        )
        if checks := held_out.get(name):
            figure.add_scatter(
                x=[step for step, _ in checks],
                y=[loss for _, loss in checks],
                mode="markers+lines",
                name=f"{name}, held out",
                legendgroup=name,
                showlegend=False,
                line={"color": colour, "width": 1, "dash": "dot"},
                marker={"size": 7},
                hovertemplate="held out, step %{x}: %{y:.4f}",
            )
    return _calm(figure, "step", "loss")


def bars(values: Mapping[str, Mapping[str, Point]], unit: Unit = SHARE) -> "Figure":
    """`values`: model -> group (a skill, say) -> point. Groups side by side, a bar a model,
    whiskers for intervals.
    """
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (model, points) in enumerate(values.items()):
        figure.add_bar(
            x=list(points),
            y=[unit.times * p.value for p in points.values()],
            name=model,
            error_y=_whiskers(points.values(), unit, thickness=1.5, width=3, color=INK),
            marker={"color": COLOURS[number % len(COLOURS)]},
            hovertemplate=f"%{{x}}: %{{y:.{unit.digits}f}}",
        )
    if unit is SHARE:
        figure.update_yaxes(range=[0, 100])
    figure.update_layout(barmode="group", bargap=0.25)
    return _calm(figure, "", unit.axis)


def preferences(rates: Mapping[str, Point]) -> "Figure":
    """A line a duel: the share of votes for the first of two models, with its interval; the middle
    is no preference.
    """
    import plotly.graph_objects as go

    names = list(rates)[::-1]
    points = [rates[name] for name in names]
    whiskers = _whiskers(points, SHARE, thickness=2, width=6, color=COLOURS[0])
    figure = go.Figure()
    figure.add_scatter(
        x=[100 * p.value for p in points],
        y=names,
        error_x=whiskers,
        mode="markers",
        showlegend=False,
        marker={"size": 11, "color": COLOURS[0]},
        hovertemplate="%{x:.1f} %",
    )
    figure.add_vline(x=50, line={"color": INK, "width": 1, "dash": "dot"})
    figure.update_xaxes(range=[0, 100])
    return _calm(figure, "preferred, %", "", height_pixels=130 + 44 * len(names))


def progress(
    found: Mapping[str, Sequence[tuple[int, float]]], mark: float, unit: Unit = SHARE
) -> "Figure":
    """Dots over time, and a line at what they are to beat."""
    import plotly.graph_objects as go

    figure = go.Figure()
    for number, (name, points) in enumerate(found.items()):
        figure.add_scatter(
            x=[at for at, _ in points],
            y=[unit.times * value for _, value in points],
            name=name,
            mode="markers",
            marker={"size": 8, "color": COLOURS[number]},
            showlegend=False,
            hovertemplate=f"%{{x}}: %{{y:.{unit.digits}f}}",
        )
    figure.add_hline(y=unit.times * mark, line={"color": INK, "width": 1, "dash": "dot"})
    return _calm(figure, "candidate", unit.axis, height_pixels=260)


def heat_map(values: Sequence[Sequence[float]], names: Sequence[str]) -> "Figure":
    """A square of cosines: teal agrees, orange opposes; the numbers stand in it."""
    import plotly.graph_objects as go

    figure = go.Figure(
        go.Heatmap(
            z=[list(row) for row in values],
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
    )
    figure = _calm(figure, "", "", height_pixels=120 + 48 * len(names))
    figure.update_yaxes(autorange="reversed", showgrid=False)
    figure.update_xaxes(showgrid=False)
    return figure


def running_mean(values: Sequence[float], span: int = 15) -> list[float]:
    """Each value's mean with up to `span` - 1 before it; losses of single batches jump."""
    kept: list[float] = []
    for end in range(1, len(values) + 1):
        part = values[max(0, end - span) : end]
        kept.append(sum(part) / len(part))
    return kept


def _calm(figure: "Figure", x: str, y: str, height_pixels: int = 340) -> "Figure":
    """No box, no template, colours that suit paper and night."""
    axis: dict[str, Any] = {
        "gridcolor": GRID,
        "zerolinecolor": GRID,
        "automargin": True,
        "fixedrange": True,
    }
    figure.update_layout(
        template="none",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        height=height_pixels,
        font={"color": INK, "size": 13, "family": "system-ui, sans-serif"},
        margin={"l": 8, "r": 8, "t": 12, "b": 8},
        legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0},
        hoverlabel={"namelength": -1},
    )
    figure.update_xaxes(title=x, **axis)
    figure.update_yaxes(title=y, **axis)
    return figure


def _whiskers(points: Iterable[Point], unit: Unit, **look: Any) -> dict[str, Any]:
    """Error bars, none where a point has no interval."""
    shown = list(points)
    above = [0.0 if p.high is None else unit.times * (p.high - p.value) for p in shown]
    below = [0.0 if p.low is None else unit.times * (p.value - p.low) for p in shown]
    return {"type": "data", "symmetric": False, "array": above, "arrayminus": below, **look}
