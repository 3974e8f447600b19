"""How do a vision tower and a language model become one model, and which pairs cannot?

The result is a plain `LlavaForConditionalGeneration` with its processor, in a folder that anybody opens. Tower and language
model keep every weight; between them stands a fresh connector of two layers.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.probes.encoders.builtin.tower import register_tower, shipped_tower
from affect_workbench.probes.mmllm.templates import IMAGE_TOKEN, template_for
from affect_workbench.probes.runtime import declare_torchvision_operators, seed_everything

BUILTIN = "builtin:scenes"
LANGUAGE_FOLDER = Path(__file__).parent / "language" / "scenes"
"""The small language model that is shipped: what `workbench mmllm train --stage 0` makes, in half precision."""
RECORD_FILE = "composed.json"
OPENELM = "openelm"
_SHOWS = "expected a CLIP, SigLIP, DINOv2 or similar vision model, or builtin:scenes"


@dataclass(frozen=True)
class Composed:
    """A model in memory.

    Attributes:
        model: `LlavaForConditionalGeneration`.
        processor: `LlavaProcessor`.
        template: name of the chat template.
        image_tokens: how many tokens a picture takes.
        notes: what was chosen, in sentences.
    """

    model: Any
    processor: Any
    template: str
    image_tokens: int
    notes: tuple[str, ...] = ()

    @property
    def size_in_words(self) -> str:
        """How many parameters the parts have."""
        inside = self.model.model
        parts = {
            "tower": inside.vision_tower,
            "connector": inside.multi_modal_projector,
            "language model": inside.language_model,
        }
        counts = {name: sum(weight.numel() for weight in part.parameters()) for name, part in parts.items()}
        return ", ".join(f"{name} {count / 1e6:.2f} M" for name, count in counts.items()) + " parameters"

    def save(self, folder: Path, record: dict[str, Any], *, overwrite: bool = False) -> None:
        """Model, processor and `composed.json`, as one folder that appears whole.

        Raises:
            FileExistsError: the folder exists and `overwrite` is False.
        """
        with atomic_folder(folder, overwrite=overwrite) as work:
            self.model.save_pretrained(work)
            self.processor.save_pretrained(work)
            write_json(work / RECORD_FILE, {**record, "template": self.template, "image_tokens": self.image_tokens})


@dataclass(frozen=True)
class _Tower:
    model: Any
    pictures: Any
    size: int
    patch: int
    layer: int
    first: int
    """Tokens before those of the grid."""


def compose(
    vision: str,
    llm: str,
    *,
    template: str = "auto",
    layer: int | None = None,
    seed: int = 0,
    dtype: str = "float32",
    trust_remote_code: bool = False,
) -> Composed:
    """A model from parts, each a folder or a hub name; nothing of them is trained.

    Args:
        vision: the tower, or a model that has one (CLIP); `builtin:scenes` for the built-in encoder.
        llm: a causal language model with its tokenizer.
        template: one of `templates.TEMPLATES`, or `auto`.
        layer: hidden layer of the tower that is read; the last but one, LLaVA's, where there are several when not given.
        seed: of the fresh connector.
        dtype: what all weights are held in.
        trust_remote_code: whether code of the repositories may run.

    Raises:
        ValueError: a part that cannot be loaded or is of another kind, tokens that are no grid, a tokenizer that does not
            fit the language model, or a template that does not fit the tokenizer.
    """
    declare_torchvision_operators()
    register_tower()
    from transformers import LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

    precision = getattr(torch, dtype, None)
    if not isinstance(precision, torch.dtype) or not precision.is_floating_point:
        raise ValueError(f"unknown dtype {dtype!r}: expected float32, bfloat16 or float16")
    tower = _tower(vision, layer, trust_remote_code)
    language, tokenizer, notes = _language(llm, trust_remote_code)
    name, jinja = template_for(tokenizer, template)
    if template == "auto":
        notes.append(_template_note(name, tokenizer))
    _add_tokens(language, tokenizer, notes)
    strategy: Literal["default", "full"] = "default" if tower.first else "full"
    grid = (tower.size // tower.patch) ** 2
    seed_everything(seed)
    ids = {key: getattr(tokenizer, key) for key in ("pad_token_id", "bos_token_id", "eos_token_id")}
    text_config = language.config
    text_config.update(ids)
    config = LlavaConfig(
        vision_config=tower.model.config,
        text_config=text_config,
        image_token_index=tokenizer.convert_tokens_to_ids(IMAGE_TOKEN),
        image_seq_length=grid,
        vision_feature_layer=tower.layer,
        vision_feature_select_strategy=strategy,
        tie_word_embeddings=bool(getattr(text_config, "tie_word_embeddings", False)),
        **ids,
    )
    try:
        model = LlavaForConditionalGeneration(config)
        model.model.vision_tower.load_state_dict(tower.model.state_dict())
        inside = getattr(language, language.base_model_prefix)
        model.model.language_model.load_state_dict(inside.state_dict())
        head = dict(language.get_output_embeddings().state_dict())
        if (bias := head.pop("bias", None)) is not None and bool(bias.any()):
            notes.append(
                f"the language model's output layer has a bias (up to {bias.abs().max():.2g}), LLaVA's has none: left out"
            )
        model.lm_head.load_state_dict(head)
    except Exception as error:  # of any model class there is
        first = (str(error).splitlines() or [type(error).__name__])[0]
        kinds = f"{type(tower.model).__name__} and {type(language).__name__}"
        raise ValueError(f"{kinds} do not compose in LlavaForConditionalGeneration: {first}") from error
    model = nn.Module.to(model, precision).eval()
    _require_tokens(model, tower, grid)
    processor = LlavaProcessor(
        image_processor=tower.pictures,
        tokenizer=tokenizer,
        patch_size=tower.patch,
        vision_feature_select_strategy=strategy,
        num_additional_image_tokens=tower.first,
        chat_template=jinja,
    )
    return Composed(model, processor, name, grid, tuple(notes))


def _template_note(name: str, tokenizer: Any) -> str:
    if not tokenizer.chat_template:
        return f"the language model has no chat template: questions and answers stand in the form of {name!r}"
    return f"questions and answers stand in the form of {name!r}"


def _tower(name: str, layer: int | None, trust: bool) -> _Tower:
    from transformers import CLIPImageProcessorPil

    if name == BUILTIN:
        model: Any = shipped_tower()
        pictures: Any = CLIPImageProcessorPil(
            size={"shortest_edge": model.config.image_size},
            crop_size={"height": model.config.image_size, "width": model.config.image_size},
        )
    else:
        model, pictures = _loaded_tower(name, trust)
    config = model.config
    size, patch = getattr(config, "image_size", None), getattr(config, "patch_size", None)
    if not isinstance(size, int) or not isinstance(patch, int):
        raise ValueError(f"{name}: {type(model).__name__} does not cut square pictures into square patches: {_SHOWS}")
    size = _side(pictures, size)
    if layer is None:
        layer = -2 if config.num_hidden_layers > 1 else -1
    with torch.no_grad():
        told = model(torch.zeros(1, 3, size, size, dtype=model.dtype), output_hidden_states=True)
    if getattr(told, "hidden_states", None) is None or not -len(told.hidden_states) <= layer < len(told.hidden_states):
        count = len(getattr(told, "hidden_states", None) or ())
        raise ValueError(f"{name} has {count} hidden layers: no layer {layer}")
    tokens = told.hidden_states[layer]
    grid = (size // patch) ** 2
    first = tokens.shape[1] - grid if tokens.ndim == 3 else -1
    if first not in (0, 1):
        raise ValueError(
            f"{name}: layer {layer} has tokens {tuple(tokens.shape[1:])} for a grid of {grid}: LLaVA reads a grid with at "
            "most one token before it (no registers)"
        )
    return _Tower(model, pictures, size, patch, layer, first)


def _side(pictures: Any, size: int) -> int:
    """What the picture processor brings pictures to; the tower's own size where it does not say."""
    crop = getattr(pictures, "crop_size", None) or getattr(pictures, "size", None) or {}
    height = getattr(crop, "height", None) or (crop.get("height") if isinstance(crop, dict) else None)
    return int(height) if height else size


def _loaded_tower(name: str, trust: bool) -> tuple[Any, Any]:
    from transformers import AutoConfig, AutoImageProcessor, AutoModel

    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=trust)
        inner = getattr(config, "vision_config", None)
        if inner is None and getattr(config, "vocab_size", None):
            raise ValueError(f"it is a language model ({config.model_type}), not a vision tower")
        model = AutoModel.from_pretrained(name, trust_remote_code=trust, dtype="auto")
        if inner is not None:
            tower = AutoModel.from_config(inner)
            whole = model.vision_model.state_dict()
            under = {f"vision_model.{key}": value for key, value in whole.items()}
            tower.load_state_dict(whole if set(whole) == set(tower.state_dict()) else under)
            model = tower.to(model.dtype)
        pictures = AutoImageProcessor.from_pretrained(name, backend="pil")
    except Exception as error:  # hub, network and file errors of several libraries
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{name} cannot be a vision tower: {reason}; {_SHOWS}") from error
    return model.eval(), pictures


def _language(name: str, trust: bool) -> tuple[Any, Any, list[str]]:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    if name == BUILTIN:
        name = str(LANGUAGE_FOLDER)
    if OPENELM in name.lower() and not trust:
        raise ValueError(
            f"{name}: transformers has no OpenELM class; its repository brings code of its own: read it, then allow it to "
            "run with --trust-remote-code"
        )
    try:
        config = AutoConfig.from_pretrained(name, trust_remote_code=trust)
        if getattr(config, "vision_config", None) is not None or getattr(config, "is_encoder_decoder", False):
            raise ValueError(f"{config.model_type} is no language model that only continues a text")
        model = AutoModelForCausalLM.from_pretrained(name, trust_remote_code=trust, dtype="auto")
        tokenizer = AutoTokenizer.from_pretrained(name, trust_remote_code=trust)
    except Exception as error:  # hub, network and file errors of several libraries
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ValueError(f"{name} cannot be the language model: {reason}") from error
    rows = _rows(model)
    if len(tokenizer) > rows:
        raise ValueError(
            f"the tokenizer of {name} has {len(tokenizer):,} tokens and the model {rows:,} rows for them: they do not fit "
            "each other"
        )
    return model.eval(), tokenizer, []


def _rows(language: Any) -> int:
    """How many tokens a language model has vectors for."""
    return int(language.get_input_embeddings().num_embeddings)


def _add_tokens(language: Any, tokenizer: Any, notes: list[str]) -> None:
    """Gives the tokenizer a picture token and a padding token where it lacks them, and the model rows for them."""
    known = set(tokenizer.get_vocab())
    if IMAGE_TOKEN not in known:
        tokenizer.add_special_tokens({"additional_special_tokens": [IMAGE_TOKEN]}, replace_extra_special_tokens=False)
    if tokenizer.pad_token is None:
        tokenizer.add_special_tokens({"pad_token": "<pad>"})
    tokenizer.image_token = IMAGE_TOKEN
    tokenizer.padding_side = "left"
    added = sorted(set(tokenizer.get_vocab()) - known)
    if len(tokenizer) > _rows(language):
        language.resize_token_embeddings(len(tokenizer), mean_resizing=False)
    if added:
        notes.append(f"the tokenizer was given {', '.join(added)}")


def _require_tokens(model: Any, tower: _Tower, grid: int) -> None:
    pixels = torch.zeros(1, 3, tower.size, tower.size, dtype=model.dtype)
    with torch.no_grad():
        try:
            found = model.get_image_features(pixel_values=pixels).pooler_output[0]
        except Exception as error:  # of any tower there is
            first = (str(error).splitlines() or [type(error).__name__])[0]
            raise ValueError(f"{type(tower.model).__name__} does not work inside LLaVA: {first}") from error
    if found.shape[0] != grid:
        raise ValueError(f"{type(tower.model).__name__} gives {found.shape[0]} tokens inside LLaVA, expected {grid}")
