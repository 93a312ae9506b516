"""A run folder's files, for the tests of stage 2."""
from safetensors.torch import load_file

from engine.core.store import read_records, write_records
from engine.core.types import Picture, Prompt


def with_prompts(store, count, skill="counting", changed=()):
    texts = [f"{'blue' if i in changed else 'red'} balls {i}" for i in range(count)]
    write_records(store.prompts(skill), [Prompt(f"{skill}-{i}", skill, text) for i, text in enumerate(texts)])
    return store


def files(store, skill="counting"):
    return {p.name: p.read_bytes() for p in store.images(skill).iterdir() if p.is_file()}


def records(store, skill="counting"):
    return read_records(store.images(skill) / "metadata.jsonl", Picture)


def tensors(store, skill="counting"):
    return load_file(store.images(skill) / "latents.safetensors")
