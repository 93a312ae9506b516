"""Real diffusers and transformers classes with small random weights, so that tests need no download and no patience."""
from pathlib import Path

import torch
from diffusers import (
    AutoencoderKL,
    DDIMScheduler,
    DiffusionPipeline,
    FlowMatchEulerDiscreteScheduler,
    FluxPipeline,
    FluxTransformer2DModel,
    SD3Transformer2DModel,
    StableDiffusion3Pipeline,
    StableDiffusionPipeline,
    StableDiffusionXLPipeline,
    UNet2DConditionModel,
)
from tokenizers import Tokenizer, decoders, pre_tokenizers
from tokenizers.models import BPE
from transformers import (
    AddedToken,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
    T5Config,
    T5EncoderModel,
)
from transformers.convert_slow_tokenizer import bytes_to_unicode

WORDS = ("red", "blue", "ball", "balls", "star", "tree", "two", "left", "of", "and", "at", "night")
TOKENS = 32
LATENT_CHANNELS = 8
SDXL = {"addition_embed_type": "text_time", "addition_time_embed_dim": 4,
        "projection_class_embeddings_input_dim": 24 + 6 * 4}
"""How SDXL's UNet differs: a pooled embedding of 24 dimensions and six sizes of four."""


def tiny_stable_diffusion(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusionPipeline` folder: 64x64 pictures, 8x16x16 latents, 32 tokens of 32 dimensions."""
    torch.manual_seed(seed)
    pipe = StableDiffusionPipeline(
        vae=_vae(), text_encoder=CLIPTextModel(_text_config()), tokenizer=clip_tokenizer(), unet=tiny_unet(32),
        scheduler=_scheduler(), safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    return _save(pipe, folder)


def tiny_distilled(folder: Path, seed: int = 0) -> Path:
    """The same with a UNet that reads the guidance scale, as those distilled for few steps: it can only be painted."""
    torch.manual_seed(seed)
    pipe = StableDiffusionPipeline(
        vae=_vae(), text_encoder=CLIPTextModel(_text_config()), tokenizer=clip_tokenizer(),
        unet=tiny_unet(32, time_cond_proj_dim=8), scheduler=_scheduler(), safety_checker=None, feature_extractor=None,
        requires_safety_checker=False)
    return _save(pipe, folder)


def tiny_sdxl(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusionXLPipeline` folder: two text encoders, pooled embedding of 24 dimensions, time ids."""
    torch.manual_seed(seed)
    second = _text_config(hidden_size=24, projection_dim=24)
    pipe = StableDiffusionXLPipeline(
        vae=_vae(), text_encoder=CLIPTextModel(_text_config()), tokenizer=clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(second), tokenizer_2=clip_tokenizer(), scheduler=_scheduler(),
        unet=tiny_unet(32 + 24, **SDXL))
    return _save(pipe, folder)


def tiny_sd3(folder: Path, seed: int = 0) -> Path:
    """A `StableDiffusion3Pipeline` folder: a family with a transformer and flow matching instead of a UNet."""
    torch.manual_seed(seed)
    transformer = SD3Transformer2DModel(
        sample_size=16, patch_size=2, in_channels=LATENT_CHANNELS, num_layers=1, attention_head_dim=8,
        num_attention_heads=4, joint_attention_dim=64, caption_projection_dim=32, pooled_projection_dim=48,
        out_channels=LATENT_CHANNELS)
    pipe = StableDiffusion3Pipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(),
        vae=_vae(shift_factor=0.1, use_quant_conv=False, use_post_quant_conv=False),
        text_encoder=CLIPTextModelWithProjection(_text_config(hidden_size=24, projection_dim=24)),
        tokenizer=clip_tokenizer(), tokenizer_2=clip_tokenizer(), tokenizer_3=clip_tokenizer(),
        text_encoder_2=CLIPTextModelWithProjection(_text_config(hidden_size=24, projection_dim=24)),
        text_encoder_3=T5EncoderModel(_t5_config()))
    return _save(pipe, folder)


def tiny_flux(folder: Path, seed: int = 0) -> Path:
    """A `FluxPipeline` folder: a family whose latents travel packed as a sequence."""
    torch.manual_seed(seed)
    transformer = FluxTransformer2DModel(
        patch_size=1, in_channels=4 * LATENT_CHANNELS, num_layers=1, num_single_layers=1, attention_head_dim=16,
        num_attention_heads=2, joint_attention_dim=64, pooled_projection_dim=32, axes_dims_rope=(4, 4, 8))
    pipe = FluxPipeline(
        transformer=transformer, scheduler=FlowMatchEulerDiscreteScheduler(), vae=_vae(shift_factor=0.1),
        text_encoder=CLIPTextModel(_text_config()), tokenizer=clip_tokenizer(),
        text_encoder_2=T5EncoderModel(_t5_config()), tokenizer_2=clip_tokenizer())
    return _save(pipe, folder)


def tiny_writer(folder: Path, seed: int = 0, chat: bool = False) -> Path:
    """An `AutoModelForCausalLM` folder that reads and writes single characters; `chat` adds a chat template."""
    torch.manual_seed(seed)
    tokenizer = character_tokenizer()
    if chat:
        tokenizer.chat_template = ("{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}"
                                   "{% if add_generation_prompt %}assistant: {% endif %}")
    config = LlamaConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64, num_hidden_layers=2,
                         num_attention_heads=4, max_position_embeddings=2048, bos_token_id=None,
                         eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)
    model = LlamaForCausalLM(config)
    model.lm_head.weight.data *= 30  # fresh weights are all but indifferent to what they read
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def clip_tokenizer(tokens: int = TOKENS) -> CLIPTokenizer:
    """CLIP's tokenizer over single letters and a few whole words."""
    letters = list(bytes_to_unicode().values())
    vocabulary = letters + [letter + "</w>" for letter in letters]
    merges: list[tuple[str, str]] = []
    for word in WORDS:
        left = word[0]
        for i, letter in enumerate(word[1:], 1):
            right = letter + "</w>" * (i == len(word) - 1)
            merges.append((left, right))
            left += right
            vocabulary.append(left)
    words = [*dict.fromkeys(vocabulary), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=list(dict.fromkeys(merges)),
                         model_max_length=tokens)


def character_tokenizer() -> PreTrainedTokenizerBase:
    """One token a byte, line breaks included."""
    backend = Tokenizer(BPE(vocab={c: i for i, c in enumerate(bytes_to_unicode().values())}, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=backend)
    tokenizer.add_special_tokens({"eos_token": AddedToken("<eos>"), "pad_token": AddedToken("<pad>")})
    return tokenizer


def _vae(**changes: object) -> AutoencoderKL:
    return AutoencoderKL(
        block_out_channels=(8, 16, 16), latent_channels=LATENT_CHANNELS, norm_num_groups=4, sample_size=64,
        scaling_factor=0.5, down_block_types=("DownEncoderBlock2D",) * 3, up_block_types=("UpDecoderBlock2D",) * 3,
        **changes)  # type: ignore[arg-type]


def tiny_unet(text_dimensions: int, **changes: object) -> UNet2DConditionModel:
    return UNet2DConditionModel(**{
        "sample_size": 16, "in_channels": LATENT_CHANNELS, "out_channels": LATENT_CHANNELS, "layers_per_block": 1,
        "block_out_channels": (16, 32), "norm_num_groups": 8, "cross_attention_dim": text_dimensions,
        "attention_head_dim": 8, "down_block_types": ("CrossAttnDownBlock2D", "DownBlock2D"),
        "up_block_types": ("UpBlock2D", "CrossAttnUpBlock2D"), **changes})


def _scheduler() -> DDIMScheduler:
    return DDIMScheduler(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, clip_sample=False,
                         set_alpha_to_one=False, steps_offset=1, prediction_type="v_prediction")


def _text_config(hidden_size: int = 32, projection_dim: int = 32) -> CLIPTextConfig:
    tokenizer = clip_tokenizer()
    return CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=hidden_size, intermediate_size=2 * hidden_size, num_hidden_layers=2,
        num_attention_heads=4, max_position_embeddings=TOKENS, projection_dim=projection_dim,
        bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id)


def _t5_config() -> T5Config:
    return T5Config(vocab_size=len(clip_tokenizer()), d_model=64, d_kv=8, d_ff=64, num_layers=1, num_heads=2)


def _save(pipe: DiffusionPipeline, folder: Path) -> Path:
    pipe.save_pretrained(folder, safe_serialization=True)
    return folder
