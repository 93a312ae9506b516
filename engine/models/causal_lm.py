"""A causal language model on this machine: batches of texts, each drawn from a seed of its own."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import (
    AutoModelForCausalLM,
    AutoTokenizer,
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    StoppingCriteria,
    StoppingCriteriaList,
    TopPLogitsWarper,
)
from transformers.utils import logging

from engine.core.errors import EngineError
from engine.models import checkpoints, parts, weight_files
from engine.models.llm import Messages, Reply, Sampling

KIND = "causal language model"
STOP_WINDOW_TOKENS = 24
"""How far back a stop string is looked for after each token."""


class CausalLM:
    """A loaded model and tokenizer."""

    def __init__(self, model: Any, tokenizer: Any, model_id: str) -> None:
        self.model, self.tokenizer, self.model_id = model, tokenizer, model_id

    def complete(
        self,
        prompts: Sequence[str],
        seeds: Sequence[int],
        sampling: Sampling,
        special_tokens: bool = True,
    ) -> list[str]:
        """What follows each prompt, up to a stop string, the end token or the longest length.

        A text depends on its own prompt and seed, not on its neighbours (up to rounding in a padded
        batch). Raises EngineError when a prompt leaves no room.
        """
        return [
            _before_stop(self._decoded(ids, skip_special_tokens=True), sampling.stop)
            for ids in self._generated(prompts, seeds, sampling, special_tokens)
        ]

    def chat(
        self, conversations: Sequence[Messages], seeds: Sequence[int], sampling: Sampling
    ) -> list[Reply]:
        """The assistant's reply to each conversation, by the model's own chat template; thinking is
        off.

        Special tokens stay in the text up to the end token: some models mark with them where their
        thoughts end. Raises EngineError when the model has no template.
        """
        if not self.tokenizer.chat_template:
            raise EngineError(
                f"{self.model_id} has no chat template. Choose an instruct model, "
                "or a writer that continues plain text."
            )
        prompts = [
            self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            for messages in conversations
        ]
        rows = self._generated(prompts, seeds, sampling, special_tokens=False)
        return [self._reply(row, sampling) for row in rows]

    def _generated(
        self, prompts: Sequence[str], seeds: Sequence[int], sampling: Sampling, special_tokens: bool
    ) -> Tensor:
        """The new tokens (n, at most `max_tokens`), padded."""
        inputs = self.tokenizer(
            list(prompts),
            return_tensors="pt",
            padding=True,
            padding_side="left",
            add_special_tokens=special_tokens,
        ).to(self.model.device)
        start = inputs.input_ids.shape[1]
        self._check_room(start, sampling.max_tokens)
        with torch.no_grad():
            ids = self.model.generate(
                **{name: inputs[name] for name in ("input_ids", "attention_mask")},
                generation_config=self._config(sampling),
                logits_processor=LogitsProcessorList([_SeededSampling(seeds, sampling)]),
                stopping_criteria=StoppingCriteriaList(
                    [_StopStrings(self.tokenizer, sampling.stop, start)]
                ),
            )
        new: Tensor = ids[:, start:]
        return new

    def _decoded(self, ids: Tensor | list[int], skip_special_tokens: bool) -> str:
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
        )
        return text

    def _reply(self, row: Tensor, sampling: Sampling) -> Reply:
        eos, ids = self.model.generation_config.eos_token_id, row.tolist()
        ends = set(eos if isinstance(eos, list) else [eos])
        length = next((place for place, token in enumerate(ids) if token in ends), len(ids))
        text = _before_stop(self._decoded(ids[:length], skip_special_tokens=False), sampling.stop)
        return Reply(text, cut=length == sampling.max_tokens)

    def _config(self, sampling: Sampling) -> GenerationConfig:
        own = self.model.generation_config
        return GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            do_sample=False,
            eos_token_id=own.eos_token_id,
            pad_token_id=self.tokenizer.pad_token_id,
        )

    def _check_room(self, prompt_tokens: int, new_tokens: int) -> None:
        most = getattr(self.model.config, "max_position_embeddings", None)
        if most and prompt_tokens + new_tokens > most:
            raise EngineError(
                f"{self.model_id} reads and writes {most} tokens; this is {prompt_tokens} "
                f"and {new_tokens} more. Ask for fewer new tokens or give fewer examples."
            )


def load(model_id: str, revision: str | None = None, device: str | None = None) -> CausalLM:
    """Open a causal LM: a Hub id, a folder, or the writer that ships. Safetensors only; bfloat16
    on CUDA.

    Raises EngineError, naming the remedy, for what is missing, unreachable or no such model.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    place = checkpoints.local_folder(model_id) or model_id
    dtype = torch.bfloat16 if device.startswith("cuda") else torch.float32
    logging.disable_progress_bar()
    where: dict[str, Any] = {"revision": revision, "trust_remote_code": False}
    kept = weight_files.variant(place) if isinstance(place, Path) else None
    part = "folder"
    try:
        if isinstance(place, Path):
            weight_files.check(place)
            parts.check_weights(place)
        part = "tokenizer"
        tokenizer = AutoTokenizer.from_pretrained(place, **where)
        part = "model"
        opened: Any = AutoModelForCausalLM.from_pretrained(
            place,
            use_safetensors=True,
            dtype=dtype,
            variant=kept,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **where,
        )
        model, told = opened
        parts.check(model, told)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        fault = parts.because(error)
        if fault is not error and not isinstance(place, Path):
            raise checkpoints.cannot_load(model_id, KIND, error) from error
        named = parts.Faulty(f"its {part} {fault}", fault.remedy)
        raise checkpoints.faulty(model_id, KIND, named) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return CausalLM(model.to(device).eval(), tokenizer, model_id)


class _SeededSampling(LogitsProcessor):
    """Temperature, then the smallest set of tokens with probability `top_p`, then one drawn for
    each row.

    The Gumbel-max trick ([Maddison et al.](https://arxiv.org/abs/1411.0030)): argmax(logits +
    Gumbel) is a draw from softmax(logits): greedy generation samples, each row with noise from its
    own generator.
    """

    def __init__(self, seeds: Sequence[int], sampling: Sampling) -> None:
        self.generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
        self.temperature = sampling.temperature
        self.top_p = TopPLogitsWarper(sampling.top_p) if sampling.top_p < 1 else None

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        if self.temperature == 0:
            return scores
        logits = scores.float() / self.temperature
        if self.top_p:
            logits = self.top_p(input_ids, logits)
        uniform = [
            torch.rand(logits.shape[1], generator=g, dtype=torch.float64) for g in self.generators
        ]
        return logits - (-torch.stack(uniform).clamp_min(1e-300).log()).log().to(logits)


class _StopStrings(StoppingCriteria):
    """A row ends once its new text holds a stop string."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], start: int) -> None:
        self.tokenizer, self.stop, self.start = tokenizer, stop, start

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        first = max(self.start, input_ids.shape[1] - STOP_WINDOW_TOKENS)
        tails = (
            self.tokenizer.batch_decode(input_ids[:, first:])
            if self.stop
            else [""] * len(input_ids)
        )
        return torch.tensor(
            [any(s in tail for s in self.stop) for tail in tails], device=input_ids.device
        )


def _before_stop(text: str, stop: Sequence[str]) -> str:
    for string in stop:
        text = text.split(string, 1)[0]
    return text
