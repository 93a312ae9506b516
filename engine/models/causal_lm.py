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
        texts = []
        for ids in self._generated(prompts, seeds, sampling, special_tokens):
            text = self._decoded(ids, skip_special_tokens=True)
            texts.append(_before_stop(text, sampling.stop))
        return texts

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
        prompts = []
        for messages in conversations:
            prompt = self.tokenizer.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=True, enable_thinking=False
            )
            prompts.append(prompt)
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
        drawn = _SeededSampling(seeds, sampling)
        stopped = _StopStrings(self.tokenizer, sampling.stop, start)
        with torch.no_grad():
            ids = self.model.generate(
                input_ids=inputs["input_ids"],
                attention_mask=inputs["attention_mask"],
                generation_config=self._config(sampling),
                logits_processor=LogitsProcessorList([drawn]),
                stopping_criteria=StoppingCriteriaList([stopped]),
            )
        new: Tensor = ids[:, start:]
        return new

    def _decoded(self, ids: Tensor | list[int], skip_special_tokens: bool) -> str:
        text: str = self.tokenizer.decode(
            ids, skip_special_tokens=skip_special_tokens, clean_up_tokenization_spaces=False
        )
        return text

    def _reply(self, row: Tensor, sampling: Sampling) -> Reply:
        eos = self.model.generation_config.eos_token_id
        ends = eos if isinstance(eos, list) else [eos]
        ids: list[int] = []
        for token in row.tolist():
            if token in ends:
                break
            ids.append(token)
        text = self._decoded(ids, skip_special_tokens=False)
        cut = len(ids) == sampling.max_tokens
        return Reply(_before_stop(text, sampling.stop), cut=cut)

    def _config(self, sampling: Sampling) -> GenerationConfig:
        config = self.model.generation_config
        return GenerationConfig(
            max_new_tokens=sampling.max_tokens,
            do_sample=False,
            eos_token_id=config.eos_token_id,
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
    variant = weight_files.variant(place) if isinstance(place, Path) else None
    part = "folder"
    try:
        if isinstance(place, Path):
            weight_files.check(place)
            parts.check_weights(place)
        part = "tokenizer"
        tokenizer = AutoTokenizer.from_pretrained(place, **where)
        part = "model"
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            place,
            use_safetensors=True,
            dtype=dtype,
            variant=variant,
            output_loading_info=True,
            ignore_mismatched_sizes=True,
            **where,
        )
        model, report = loaded
        parts.check(model, report)
    except Exception as error:  # foreign files in a foreign library: it may raise anything
        fault = parts.because(error)
        if fault is not error and not isinstance(place, Path):
            raise checkpoints.cannot_load(model_id, KIND, error) from error
        whole_fault = parts.Faulty(f"its {part} {fault}", fault.remedy)
        raise checkpoints.faulty(model_id, KIND, whole_fault) from error
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
        uniform = []
        for generator in self.generators:
            row = torch.rand(logits.shape[1], generator=generator, dtype=torch.float64)
            uniform.append(row)
        # Gumbel noise is -log(-log(u)); a u of 0 would make it infinite.
        exponential = -torch.stack(uniform).clamp_min(1e-300).log()
        return logits - exponential.log().to(logits)


class _StopStrings(StoppingCriteria):
    """A row ends once its new text holds a stop string."""

    def __init__(self, tokenizer: Any, stop: Sequence[str], start: int) -> None:
        self.tokenizer, self.stop, self.start = tokenizer, stop, start

    def __call__(self, input_ids: Tensor, scores: Any, **_: Any) -> Tensor:
        ended = [False] * len(input_ids)
        if self.stop:
            first = max(self.start, input_ids.shape[1] - STOP_WINDOW_TOKENS)
            tails = self.tokenizer.batch_decode(input_ids[:, first:])
            ended = [any(string in tail for string in self.stop) for tail in tails]
        return torch.tensor(ended, device=input_ids.device)


def _before_stop(text: str, stop: Sequence[str]) -> str:
    for string in stop:
        text = text.split(string, 1)[0]
    return text
