"""Forms of every stage, and values as they travel through the browser."""
import json
from dataclasses import fields
from types import ModuleType
from typing import Any

from app.forms.form import form
from engine import evaluate, experts, images, judges, merge, prompts
from engine.core import options, plugins
from engine.experts import objectives
from engine.merge import methods
from engine.prompts import writers
from engine.studies import leave_one_out, search

STAGES: list[ModuleType] = [prompts, images, experts, merge, evaluate, search, leave_one_out]
FAMILIES: dict[str, ModuleType] = {"writer": writers, "judge": judges, "objective": objectives, "method": methods}
PLUGINS = [(kind, name) for kind, family in FAMILIES.items() for name in plugins.names(family)]


def without_a_component(config: type) -> list[str]:
    """Fields no form shows, by what `form` says of them."""
    left_out: list[str] = []
    while True:
        try:
            form(config, "any", leave_out=left_out)
            return left_out
        except TypeError as error:
            left_out.append(str(error).partition(":")[0])


def through_the_page(component: Any, value: Any) -> Any:
    """A value as the browser holds it and posts it back."""
    sent = json.loads(json.dumps(component.postprocess(value)))
    return component.preprocess(sent)


def required(config: type) -> dict[str, Any]:
    """What must be chosen, since it has no default."""
    wanted = {field.name for field in fields(config)} - options.defaults(config).keys()
    made: dict[str, Any] = {"skills": ("counting",), "experts": {"a": ["counting"]}, "models": {"base": {}}}
    if config in (merge.Config, leave_one_out.Config):
        made["experts"] = {"a": 1.0, "b": 0.5}
    if config is search.Config:
        made["experts"] = ("a", "b")
    return {name: made[name] for name in wanted}
