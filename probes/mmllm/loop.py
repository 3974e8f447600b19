"""TRL's training loop with checkpoints of what is trained alone, and a bar that says which stage it is.

A checkpoint of the whole model would be the size of the model, and LLaVA's comes back under other names: transformers saves
it under its old ones, and the loop would go on from fresh weights with a warning.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from transformers import PrinterCallback, TrainerCallback
from trl.trainer.sft_trainer import SFTTrainer

from affect_workbench.data.storage.progress import progress_bar

_WEIGHTS_FILE = "trained.safetensors"


class StageTrainer(SFTTrainer):
    """The loop of one stage."""

    def __init__(self, *given: Any, stage: str, progress: bool, **more: Any) -> None:
        super().__init__(*given, **more)
        self.remove_callback(PrinterCallback)
        self.add_callback(_Bar(stage, progress))

    @property
    def _sharded(self) -> bool:
        return bool(self.is_fsdp_enabled or self.is_deepspeed_enabled)

    def _save(self, output_dir: str | None = None, state_dict: dict[str, Any] | None = None) -> None:
        if self._sharded:
            super()._save(output_dir, state_dict)
        elif self.args.should_save:
            folder = Path(output_dir or str(self.args.output_dir))
            folder.mkdir(parents=True, exist_ok=True)
            weights = {name: weight.detach() for name, weight in self._trained()}
            save_file({name: weight.contiguous() for name, weight in weights.items()}, folder / _WEIGHTS_FILE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        if self._sharded:
            super()._load_from_checkpoint(resume_from_checkpoint, model)
            return
        saved = load_file(Path(resume_from_checkpoint) / _WEIGHTS_FILE)
        trained = dict(self._trained())
        if saved.keys() != trained.keys():
            raise ValueError(f"{resume_from_checkpoint} is of a stage that trains something else: remove the folder")
        for name, weight in trained.items():
            weight.data.copy_(saved[name])

    def _trained(self) -> list[tuple[str, Any]]:
        model = self.accelerator.unwrap_model(self.model)
        return [(name, weight) for name, weight in model.named_parameters() if weight.requires_grad]


class _Bar(TrainerCallback):
    def __init__(self, stage: str, progress: bool) -> None:
        self._stage, self._progress = stage, progress
        self._bar = progress_bar(progress=False)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        shown = self._progress and state.is_world_process_zero
        self._bar = progress_bar(
            total=state.max_steps, initial=state.global_step, desc=f"stage {self._stage}", unit=" steps", progress=shown
        )

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._bar.update()

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self._bar.set_postfix(loss=f"{float(logs['loss']):.3f}")

    def on_train_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self._bar.close()
