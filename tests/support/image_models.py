"""Which small encoders are tested with, and which probe? Real architectures of open_clip and transformers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from affect_workbench.data.features import FeatureSpec
from affect_workbench.data.storage.atomic import atomic_folder
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.runtime import declare_torchvision_operators

declare_torchvision_operators()

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 16, "vocab_size": 49_408, "width": 32, "heads": 2, "layers": 1},
}


def saved_open_clip(folder, *, weights=True):
    """A folder as open_clip pushes it to the hub: configuration, and fresh weights unless left out."""
    import json

    from open_clip.model import CLIP
    from safetensors.torch import save_file

    folder.mkdir(parents=True)
    record = {"model_cfg": TINY, "preprocess_cfg": {"mean": [0.1, 0.2, 0.3], "std": [0.5, 0.5, 0.5]}}
    (folder / "open_clip_config.json").write_text(json.dumps(record), encoding="utf-8")
    torch.manual_seed(7)
    model = CLIP(TINY["embed_dim"], dict(TINY["vision_cfg"]), dict(TINY["text_cfg"])).eval()
    if weights:
        save_file(
            {name: tensor.contiguous() for name, tensor in model.state_dict().items()},
            folder / "open_clip_model.safetensors",
        )
    return model


def saved_clip(folder):
    from transformers import CLIPConfig, CLIPModel

    torch.manual_seed(0)
    config = CLIPConfig(
        text_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "vocab_size": 99,
            "max_position_embeddings": 16,
            "eos_token_id": 2,
        },
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 8,
        },
        projection_dim=24,
    )
    CLIPModel(config).save_pretrained(folder)
    return tokenizer(folder)


def saved_siglip(folder):
    from transformers import SiglipConfig, SiglipModel

    torch.manual_seed(0)
    part = {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}
    config = SiglipConfig(
        text_config={**part, "vocab_size": 99, "max_position_embeddings": 16, "projection_size": 32},
        vision_config={**part, "image_size": 32, "patch_size": 8},
    )
    SiglipModel(config).save_pretrained(folder)
    return tokenizer(folder)


def saved_dinov2(folder):
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(0)
    config = Dinov2Config(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=7, mlp_ratio=2
    )
    Dinov2Model(config).save_pretrained(folder)


def tokenizer(folder):
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = {"<pad>": 0, "<unk>": 1, "<end>": 2, "a": 3, "dog": 4, "house": 5}
    base = Tokenizer(models.WordLevel(words, unk_token="<unk>"))
    base.pre_tokenizer = pre_tokenizers.Whitespace()
    fast = PreTrainedTokenizerFast(tokenizer_object=base, pad_token="<pad>", unk_token="<unk>", eos_token="<end>")
    fast.save_pretrained(folder)


def saved_classifier(folder):
    """A vision transformer as people publish emotion classifiers: it has no pooling head."""
    import json

    from transformers import ViTConfig, ViTForImageClassification

    torch.manual_seed(1)
    config = ViTConfig(
        hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64, image_size=32, patch_size=8
    )
    model = ViTForImageClassification(config).eval()
    model.save_pretrained(folder)
    record = {"size": {"height": 32, "width": 32}, "image_processor_type": "ViTImageProcessor"}
    (folder / "preprocessor_config.json").write_text(json.dumps(record), encoding="utf-8")
    return model


def untrained_probe(folder: Path, *, taxonomy: str = "ekman6", seen: Iterable[str] = (), **spec: object) -> Path:
    """A probe folder: random weights from a fixed seed, the built-in encoder's features.

    Args:
        folder: where it is written.
        taxonomy: its labels.
        seen: ids or contents of pictures that it says it was trained on.
        spec: what its features say of themselves instead.
    """
    from affect_workbench.probes.anchors.anchors import LabelAnchors
    from affect_workbench.probes.checkpoint import save_probe
    from affect_workbench.probes.encoders.builtin import WEIGHTS_FILE
    from affect_workbench.probes.encoders.names import file_tag
    from affect_workbench.probes.projector import MetricProjector, Probe

    labels = Taxonomy.named(taxonomy)
    vectors = np.eye(len(labels), 16, dtype=np.float32)
    made = replace(
        FeatureSpec(128, "builtin:scenes", file_tag(WEIGHTS_FILE), "image embedding", "the model's own", 64), **spec
    )
    torch.manual_seed(0)
    projector = MetricProjector(made.width, 16)
    anchors, centre = LabelAnchors(labels.labels, vectors, "test"), np.zeros(made.width, np.float32)
    probe = Probe(projector, anchors, labels, made, centre, trained_on=frozenset(seen))
    with atomic_folder(folder) as partial:
        save_probe(probe, partial)
    return folder
