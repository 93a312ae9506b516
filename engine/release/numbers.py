"""Numbers as the tables write them, and whether one is what its goal asks for."""


def short_number(value: float) -> str:
    """Four digits that matter; thousands with commas."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def meets(ratio: float, goal: str) -> bool:
    """Whether a ratio is what its goal asks for; `>= 1.5`, `<= 1.1`, or none."""
    sign, _, bound = goal.partition(" ")
    if sign == ">=":
        return ratio >= float(bound)
    if sign == "<=":
        return ratio <= float(bound)
    return True
