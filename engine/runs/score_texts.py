"""What the judges scored in a run, as text: a table for each split and judge."""

from engine.core.store import Store
from engine.evaluate import report
from engine.evaluate.standings import score_tables


def names(run: Store) -> list[str]:
    """The tables that there are, as "validation/<judge>"."""
    return score_tables.tables(run)


def table(run: Store, name: str) -> str:
    """One of them. Raises EngineError for a damaged file."""
    judge = name.partition("/")[2]
    return report.table(score_tables.run_standings(run, name), judge)
