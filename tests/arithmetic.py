"""An evaluation as arithmetic: an arm scores what its weights are worth, and nothing is painted."""
from engine.core.evidence import Evidence
from engine.core.store import Store, write_records
from engine.core.types import Score
from engine.evaluate import Config, prompt_sets
from engine.evaluate.planning import model_name


def score(config: Config, store: Store, model: str, value: float, suffix: str = "") -> None:
    """Give every asked prompt the same value, where the evaluate stage would write it."""
    prompts = [p for of in prompt_sets.prompts_of(config).values() for p in of[:config.prompts_per_skill]]
    write_records(store.scores(model, f"{config.split}/{config.judge}{suffix}"),
                  [Score(p.id, 0, config.judge, value, Evidence(skill=p.skill)) for p in prompts])


def has_scores(config: Config, store: Store, arm: str) -> bool:
    return store.scores(model_name(arm, config.guidances[0]), f"{config.split}/{config.judge}").exists()
