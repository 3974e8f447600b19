"""How is a multimodal LLM loaded, for every command that needs one in memory?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from affect_workbench.workbench.interface.fields import option
from affect_workbench.workbench.interface.progress import Say

if TYPE_CHECKING:
    from affect_workbench.probes.attach.model import MultimodalModel
    from affect_workbench.probes.attach.source import ModelSource


@dataclass(frozen=True)
class Loading:
    """Where a model runs, in which precision, and whether its own code may."""

    device: str = option("auto", "cpu, cuda, mps, or auto for the fastest available")
    device_map: str = option("", "spread the model over devices (auto, balanced, ...) instead of --device")
    dtype: str = option("auto", "float32, bfloat16, float16; auto: as saved")
    quantization: str = option("", "8bit or 4bit, with bitsandbytes")
    attn_implementation: str = option("", "eager, sdpa, flash_attention_2, ...; default: the model's")
    trust_remote_code: bool = option(False, "run code that comes with the model")

    def source(self, model: str) -> ModelSource:
        """The model `MODEL[@revision]`, loaded like this."""
        from affect_workbench.probes.attach.source import ModelSource

        return ModelSource.parse(model, **vars(self))

    def load(self, model: str, say: Say) -> MultimodalModel:
        """Loads the model, the size that it takes told first.

        Raises:
            ValueError: see `probes.attach.source.load_model`.
        """
        from affect_workbench.probes.anchors.sources import quiet_transformers
        from affect_workbench.probes.attach.source import load_model, size_of

        source = self.source(model)
        quiet_transformers()
        say(f"loading {source.name}: {size_of(source)}")
        return load_model(source)
