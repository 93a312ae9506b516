"""How well two colours can be told apart."""


def rgb(css: str) -> list[float]:
    return [float(part) for part in css[css.index("(") + 1:-1].split(",")[:3]]


def contrast(one: list[float], other: list[float]) -> float:
    """Ratio of relative luminances, [WCAG 2](https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio)."""
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def luminance(colour: list[float]) -> float:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in (c / 255 for c in colour)]
    red, green, blue = linear
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue
