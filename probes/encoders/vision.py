"""Which model looks at the pictures, and what does it expect of them?

Three kinds of names, one interface: `open_clip:MODEL/TAG` (any model and tag, `open_clip:MODEL/PATH` for a checkpoint on
disk, `hf-hub:ORG/NAME` or `local-dir:PATH` for one that brings its own configuration), `transformers:NAME` (CLIP, SigLIP,
DINOv2 and their like, a hub name or a folder), and `builtin:scenes`, the small CLIP of the drawn world, which runs through
the code of `open_clip:`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from affect_workbench.data.features import FeatureSpec
from affect_workbench.data.images.preprocess import PixelRecipe
from affect_workbench.data.tables.read import named
from affect_workbench.probes.encoders.names import KINDS, SCHEMAS, file_tag, parameters_tag
from affect_workbench.probes.encoders.text_length import (
    TokenCounts,
    open_clip_counts,
    require_within,
    transformers_context,
    transformers_counts,
)
from affect_workbench.probes.runtime import declare_torchvision_operators, device

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True)
class VisionEncoder:
    """A model that turns pixels into features, and texts too where it has a text tower.

    Attributes:
        spec: what its features are.
        recipe: what it does to a picture first.
        on: the device it sits on.
        precision: what it computes in.
        image: pixels `(n, 3, s, s)`, scaled to mean and deviation -> features `(n, d)`.
        text: texts -> vectors `(t, d)` in the same space; None without a text tower.
        tokens: how many tokens texts have; None without a text tower.
        context: how many of them the text tower reads, 0 for any number.
    """

    spec: FeatureSpec
    recipe: PixelRecipe
    on: torch.device
    precision: torch.dtype
    image: Callable[[Tensor], Tensor]
    text: Callable[[Sequence[str]], Tensor] | None = None
    tokens: TokenCounts | None = None
    context: int = 0

    @torch.inference_mode()
    def encode(self, squares: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
        """Features `(n, d)` of squares `(n, s, s, 3)`, not normalised."""
        pixels = torch.from_numpy(squares).to(self.on).permute(0, 3, 1, 2).float().div_(255)
        mean, deviation = (
            torch.tensor(part, device=self.on).view(3, 1, 1) for part in (self.recipe.mean, self.recipe.deviation)
        )
        pixels = pixels.sub_(mean).div_(deviation)
        with torch.autocast(self.on.type, self.precision, enabled=self.precision != torch.float32):
            features = self.image(pixels)
        return features.float().cpu().numpy()

    @torch.inference_mode()
    def encode_text(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Unit vectors `(t, d)` of texts.

        Raises:
            ValueError: the model has no text tower, or a text has more tokens than it reads.
        """
        if self.text is None:
            raise ValueError(
                f"{self.spec.encoder} has no text tower, so prompts mean nothing to it: "
                "encode with a CLIP-like model (open_clip:…, builtin:scenes), or give directions as vectors"
            )
        if self.tokens is not None:
            require_within(texts, self.tokens(texts), self.context, model=self.spec.encoder)
        parts = [self.text(texts[start : start + 256]) for start in range(0, len(texts), 256)]
        return functional.normalize(torch.cat(parts).float(), dim=1).cpu().numpy()


def vision_encoder(name: str, *, on: str = "auto", precision: str = "auto") -> VisionEncoder:
    """The encoder called `name` with its weights, ready to run.

    Args:
        name: see the module's first lines.
        on: device, `auto` for the fastest there is.
        precision: `float32`, `bfloat16`, `float16`, or `auto`: half on a GPU, full elsewhere.

    Raises:
        ValueError: an unknown kind, model, tag or precision, or weights that cannot be found; the model is never left with
            random weights.
    """
    name = f"open_clip:{name}" if name.startswith(SCHEMAS) else name
    kind, _, model = name.partition(":")
    if kind not in KINDS or not model:
        raise ValueError(
            f"unknown encoder {name!r}: expected open_clip:MODEL/TAG, hf-hub:ORG/NAME, transformers:NAME or builtin:scenes"
        )
    place = device(on)
    if precision == "auto":
        precision = "float16" if place.type == "cuda" else "float32"
    if precision not in PRECISIONS:
        raise ValueError(f"unknown precision {precision!r}: expected auto, {', '.join(PRECISIONS)}")
    declare_torchvision_operators()
    if kind == "transformers":
        return _from_transformers(model, place, precision)
    return _from_open_clip(name, place, precision)


def builtin_model(*, weights: Path | None) -> Any:
    """The built-in CLIP, made by open_clip's own code; `weights=None` gives fresh ones (to train)."""
    declare_torchvision_operators()
    import open_clip

    from affect_workbench.probes.encoders.builtin import CONFIG_FILE, MODEL

    open_clip.add_model_config(CONFIG_FILE)
    if weights is None:
        return open_clip.create_model(MODEL)
    return open_clip.create_model(MODEL, pretrained=str(weights), require_pretrained=True, weights_only=True)


def pixel_statistics(model: Any) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation `(3, 1, 1)` that an open_clip model's pixels are scaled with."""
    config = model.visual.preprocess_cfg
    return torch.tensor(config["mean"]).view(3, 1, 1), torch.tensor(config["std"]).view(3, 1, 1)


def _from_open_clip(name: str, place: torch.device, precision: str) -> VisionEncoder:
    import open_clip

    kind, _, rest = name.partition(":")
    tokenizer: Any = None
    if kind == "builtin":
        from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE
        from affect_workbench.probes.encoders.builtin.tokenizer import HashingTokenizer

        if rest != "scenes":
            raise ValueError(f"no built-in encoder {rest!r}: there is builtin:scenes")
        encoder, tag = name, file_tag(WEIGHTS_FILE)
        model, tokenizer = builtin_model(weights=WEIGHTS_FILE), HashingTokenizer()
    else:
        hub = rest.startswith(SCHEMAS)
        known, _, tag = (rest, "", "") if hub else rest.partition("/")
        if not hub and known not in open_clip.list_models():
            from affect_workbench.data.taxonomies.taxonomy import closest

            raise ValueError(f"open_clip has no model {known!r}: {closest(known, open_clip.list_models())}")
        if not hub and not tag:
            tags = ", ".join(open_clip.list_pretrained_tags_by_model(known)) or "none published; give a checkpoint's path"
            raise ValueError(f"open_clip:{known} needs weights: open_clip:{known}/TAG, where TAG is one of: {tags}")
        try:
            # OpenAI's weights were trained with QuickGELU; open_clip only warns when its default config lacks it.
            quick = {} if hub else open_clip.get_pretrained_cfg(known, tag)
            model = open_clip.create_model(
                known,
                pretrained=tag or None,
                require_pretrained=True,
                weights_only=True,
                force_quick_gelu=bool(quick.get("quick_gelu")),
            )
        except Exception as error:  # hub, network and file errors of several libraries
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise ValueError(f"the weights of {name} cannot be loaded: {reason}") from error
        tokenizer = open_clip.get_tokenizer(known)
        encoder = f"open_clip:{known}"
        tag = parameters_tag(model) if hub else file_tag(Path(tag)) if Path(tag).is_file() else tag
    config = model.visual.preprocess_cfg
    size = config["size"] if isinstance(config["size"], int) else config["size"][0]
    recipe = PixelRecipe(
        size=size,
        fit=config["resize_mode"],
        interpolation=config["interpolation"],
        mean=tuple(config["mean"]),
        deviation=tuple(config["std"]),
        fill=config["fill_color"] if isinstance(config["fill_color"], int) else 0,
    )
    model = model.eval().requires_grad_(False).to(place)
    made = tokenizer

    def text(texts: Sequence[str]) -> Tensor:
        return model.encode_text(made(list(texts)).to(place))

    width = _width(model.encode_image, size, place)
    spec = FeatureSpec(
        width=width,
        encoder=encoder,
        weights=_with_precision(tag, precision),
        layer="image embedding",
        pooling="the model's own",
        image_size=size,
    )
    return VisionEncoder(
        spec, recipe, place, PRECISIONS[precision], model.encode_image, text, open_clip_counts(made), made.context_length
    )


def _from_transformers(name: str, place: torch.device, precision: str) -> VisionEncoder:
    from transformers import AutoTokenizer
    from transformers.image_processing_base import ImageProcessingMixin

    try:
        model, whole_head = _auto_model(name)
        processor, _ = ImageProcessingMixin.get_image_processor_dict(name)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ValueError(f"transformers cannot load {name!r}: {str(error).splitlines()[0]}") from error
    model = model.eval().requires_grad_(False).to(place)
    recipe = processor_recipe(processor)
    whole = hasattr(model, "get_image_features")

    def image(pixels: Tensor) -> Tensor:
        return _pooled(model.get_image_features(pixel_values=pixels) if whole else model(pixel_values=pixels))

    text: Callable[[Sequence[str]], Tensor] | None = None
    tokens, context = None, 0
    if hasattr(model, "get_text_features"):
        tokenizer = AutoTokenizer.from_pretrained(name)
        length = getattr(model.config.text_config, "max_position_embeddings", None)
        tokens, context = transformers_counts(tokenizer), transformers_context(length, tokenizer)

        def text(texts: Sequence[str]) -> Tensor:
            # SigLIP was trained on texts padded to full length; CLIP's mask makes the padding harmless.
            tokens = tokenizer(list(texts), padding="max_length", max_length=length, truncation=True, return_tensors="pt")
            known = {key: value.to(place) for key, value in tokens.items() if key in ("input_ids", "attention_mask")}
            return _pooled(model.get_text_features(**known))

    folder, called = Path(name), name
    if folder.is_dir():
        called = folder.resolve().name
        files = sorted(folder.glob("*.safetensors"))
        tag = "+".join(map(file_tag, files)) if files else parameters_tag(model)
    else:
        tag = str(getattr(model.config, "_commit_hash", "") or "")
    spec = FeatureSpec(
        width=_width(image, recipe.size, place),
        encoder=f"transformers:{called}",
        weights=_with_precision(tag, precision),
        layer="image embedding",
        pooling="the model's own" if whole_head else "class token",
        image_size=recipe.size,
    )
    return VisionEncoder(spec, recipe, place, PRECISIONS[precision], image, text, tokens, context)


def _auto_model(name: str) -> tuple[Any, bool]:
    """The model in full precision, every weight from the checkpoint, and whether it has its own pooling head.

    A checkpoint that was trained as a classifier has no weights for the head that a bare tower pools with; transformers
    would draw random ones. Such a tower is taken without that head: its class token is the feature.

    Raises:
        ValueError: the checkpoint lacks other weights.
    """
    from transformers import AutoModel

    model, told = AutoModel.from_pretrained(name, dtype=torch.float32, output_loading_info=True)
    lacking = sorted(told["missing_keys"])
    if not lacking:
        return model, True
    if all(key.startswith("pooler.") for key in lacking):
        return AutoModel.from_pretrained(name, dtype=torch.float32, add_pooling_layer=False), False
    raise ValueError(
        f"the checkpoint has no weights for {named(lacking)} of {type(model).__name__}, and random ones would mean nothing"
    )


def processor_recipe(processor: dict[str, Any]) -> PixelRecipe:
    """The recipe that a `preprocessor_config.json` of transformers describes."""
    names = {0: "nearest", 1: "lanczos", 2: "bilinear", 3: "bicubic"}
    size, crop = processor.get("size", 224), processor.get("crop_size") if processor.get("do_center_crop") else None
    crop = crop["height"] if isinstance(crop, dict) else crop
    mean = tuple(processor.get("image_mean") or (0.5,) * 3) if processor.get("do_normalize", True) else (0.0,) * 3
    deviation = tuple(processor.get("image_std") or (0.5,) * 3) if processor.get("do_normalize", True) else (1.0,) * 3
    common: dict[str, Any] = {
        "interpolation": names.get(processor.get("resample", 3), "bicubic"),
        "mean": mean,
        "deviation": deviation,
    }
    if isinstance(size, dict) and "shortest_edge" in size:
        return PixelRecipe(size=crop or size["shortest_edge"], fit="shortest", resize=size["shortest_edge"], **common)
    side = size["height"] if isinstance(size, dict) else size
    return PixelRecipe(size=crop or side, fit="squash" if crop in (None, side) else "shortest", resize=side, **common)


def _with_precision(tag: str, precision: str) -> str:
    return tag if precision == "float32" else f"{tag}, {precision}"


def _pooled(output: Any) -> Tensor:
    if isinstance(output, Tensor):
        return output
    for name in ("image_embeds", "pooler_output"):
        if getattr(output, name, None) is not None:
            return getattr(output, name)
    return output.last_hidden_state[:, 0]


@torch.inference_mode()
def _width(image: Callable[[Tensor], Tensor], size: int, place: torch.device) -> int:
    return int(image(torch.zeros(1, 3, size, size, device=place)).shape[1])
