"""A writer for tests, found like any other: a file in a folder that the writers' package also looks into."""
import pytest

from engine.core.store import Store
from engine.prompts import writers
from tests.plugin_files import install

GRAMMAR = '''
"""Draws lines from the grammar, one in five of them spoilt. [Test](https://example.org)"""
from dataclasses import dataclass
import numpy as np
from engine.storybook.rules import draw, from_table
from engine.storybook.speech import say

calls = []

@dataclass(frozen=True)
class Config:
    spoil: bool = True
    dies_in_round: int = 0

def writer(config):
    def write(request):
        calls.append(request)
        if config.dies_in_round == len(calls):
            raise KeyboardInterrupt
        rng, rules = np.random.default_rng(request.seed), from_table(request.skill.rules, "")
        lines = [say(draw(rules, rng), rng) for _ in range(request.count)]
        return [line + " wibble" if config.spoil and i % 5 == 0 else line for i, line in enumerate(lines)]
    return write
'''


@pytest.fixture
def grammar(tmp_path, monkeypatch):
    """The module of the test writer `grammar`; `calls` holds the requests it got."""
    return install(writers, "grammar", GRAMMAR, tmp_path, monkeypatch)


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "run")
