"""How is a stage trained: what is learned, what stays to the bit, what is written, and how does a killed run go on?

The loop is TRL's `SFTTrainer` (several devices by accelerate, mixed precision, gradient checkpointing, TensorBoard). It gets
conversations as token ids with labels for the assistant's turns only, and pictures either as pixels or as what the frozen
vision tower once made of them.
"""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from affect_workbench.probes.mmllm.examples import Collator
from affect_workbench.probes.mmllm.recipes import Stage

CONNECTOR = "multi_modal_projector"
LOG_FILE = "log.csv"
_STATE_FILE = "trainer_state.json"


@dataclass(frozen=True)
class StageResult:
    """What a stage did.

    Attributes:
        steps: how many steps it is long.
        learned: how many parameters were trained.
        kept: how many tensors, parameters and buffers, were compared and are as before, to the bit.
        first_loss: mean loss in the first tenth of the log.
        last_loss: in the last one.
    """

    steps: int
    learned: int
    kept: int
    first_loss: float
    last_loss: float


@dataclass(frozen=True)
class Material:
    """What is learned from.

    Attributes:
        examples: see `examples.tokenised`; with `picture`, a number, where there are pictures.
        pictures: what a number stands for; see `examples.Collator`.
    """

    examples: Sequence[Mapping[str, Any]]
    pictures: Any = None


def train_stage(
    model: Any, processor: Any, stage: Stage, material: Material, work: Path, *, seed: int = 0, progress: bool = True
) -> tuple[Any, StageResult]:
    """Trains what the stage trains, from the last whole checkpoint in `work` where there is one.

    Args:
        model: a causal LM, or a composed model.
        processor: its tokenizer, or its processor.
        stage: see `Stage`.
        material: what it learns from.
        work: folder of checkpoints and logs.
        seed: of the order of examples, of fresh LoRA weights and of dropout.
        progress: whether a bar is shown.

    Returns:
        The model, LoRA weights being added to those they stand beside, and what was done.

    Raises:
        RuntimeError: something that is not trained has changed.
        ValueError: the model has nothing that such a stage trains, or the logs are of another run.
    """
    from datasets import Dataset
    from transformers import set_seed

    from affect_workbench.probes.mmllm.loop import StageTrainer

    tokenizer = getattr(processor, "tokenizer", processor)
    set_seed(seed)
    model.requires_grad_(False)
    peft = _prepared(model, stage)
    rows = Dataset.from_list([{**one, "length": len(one["input_ids"])} for one in material.examples])
    work.mkdir(parents=True, exist_ok=True)
    before, cached = _frozen_hashes(model), getattr(model.config.get_text_config(), "use_cache", True)
    with _as_given(model, material.pictures), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="`is_gradient_checkpointing` is deprecated")  # asked for by peft
        trainer = StageTrainer(
            stage=stage.name,
            progress=progress,
            model=model,
            args=_arguments(stage, work, seed=seed),
            train_dataset=rows,
            data_collator=Collator(tokenizer.pad_token_id, material.pictures),
            processing_class=processor,
            peft_config=peft,
        )
        trained: Any = trainer.model
        learned = sum(weight.numel() for weight in trained.parameters() if weight.requires_grad)
        with trainer.args.main_process_first(local=False):
            begun = _last_checkpoint(work)
        trainer.train(resume_from_checkpoint=begun)
        history = [entry for entry in trainer.state.log_history if "loss" in entry]
    _require_kept(before, _frozen_hashes(_inside(trained), known=before))
    if trainer.is_world_process_zero():
        _write_log(work / LOG_FILE, history)
    model = trained.merge_and_unload() if peft is not None else trained
    model.config.use_cache = cached  # the loop forbids it, and whoever opens the model would read all anew for every token
    model.requires_grad_(False).eval()
    losses = [float(entry["loss"]) for entry in history]
    tenth = -(-len(losses) // 10)
    first, last = (sum(part) / tenth for part in (losses[:tenth], losses[-tenth:]))
    return model, StageResult(int(trainer.state.max_steps), learned, len(before), first, last)


def _prepared(model: Any, stage: Stage) -> Any:
    """Opens what is to be trained; the LoRA configuration where that is what is trained."""
    connector = [part for name, part in model.named_modules() if name.split(".")[-1] == CONNECTOR]
    if stage.trains != "all" and not connector:
        raise ValueError(f"the model has no {CONNECTOR}: stage {stage.name!r} trains a connector; compose a model first")
    if stage.trains == "lora":
        from peft import LoraConfig

        return LoraConfig(
            r=stage.rank,
            lora_alpha=stage.alpha,
            lora_dropout=stage.dropout,
            target_modules=r".*language_model.*\.(" + "|".join(stage.targets) + ")",
            modules_to_save=[CONNECTOR],
            task_type="CAUSAL_LM",
        )
    for part in connector:
        part.requires_grad_(True)
    if stage.trains == "all":
        for name, part in model.named_modules():
            if name.split(".")[-1] == "language_model" or not connector:
                part.requires_grad_(True)
    return None


def _arguments(stage: Stage, work: Path, *, seed: int) -> Any:
    import importlib.util

    from trl.trainer.sft_config import SFTConfig

    length: dict[str, Any] = {"max_steps": stage.steps} if stage.steps else {"num_train_epochs": stage.epochs}
    return SFTConfig(
        output_dir=str(work),
        **length,
        per_device_train_batch_size=stage.batch,
        gradient_accumulation_steps=stage.accumulate,
        learning_rate=stage.rate,
        lr_scheduler_type="cosine",
        warmup_steps=stage.warmup,
        weight_decay=stage.weight_decay,
        bf16=stage.precision == "bfloat16",
        fp16=stage.precision == "float16",
        activation_checkpointing=stage.checkpointing,
        logging_steps=stage.log_every,
        logging_first_step=True,
        save_steps=stage.save_every,
        save_total_limit=2,
        seed=seed,
        data_seed=seed,
        use_cpu=not torch.cuda.is_available() and not torch.backends.mps.is_available(),
        disable_tqdm=True,
        report_to=["tensorboard"] if importlib.util.find_spec("tensorboard") else [],
        train_sampling_strategy="group_by_length",
        ddp_find_unused_parameters=False,
        remove_unused_columns=False,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        dataloader_pin_memory=torch.cuda.is_available(),
    )


class _Given(nn.Module):
    """Stands in for a tower whose tokens are known already: what it is given as pixels are its tokens."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self._first = first

    def forward(self, pixel_values: Tensor, **_: Any) -> Any:
        from transformers.modeling_outputs import BaseModelOutputWithPooling

        tokens = torch.cat([pixel_values[:, :1]] * self._first + [pixel_values], dim=1)
        return BaseModelOutputWithPooling(last_hidden_state=tokens, hidden_states=_Everywhere([tokens]))


class _Everywhere(tuple[Tensor, ...]):
    """The same tokens, whichever layer is asked for."""

    def __getitem__(self, _: Any) -> Any:
        return super().__getitem__(0)


@contextmanager
def _as_given(model: Any, pictures: Any) -> Iterator[None]:
    """Takes the tower out while its tokens are given, and holds it in evaluation mode while it is asked."""
    inside: Any = getattr(model, "model", None)
    tower = getattr(inside, "vision_tower", None)
    if tower is None or pictures is None:
        yield
        return
    if not getattr(pictures, "are_tokens", False):
        tower.train = lambda mode=True: tower if not mode else nn.Module.train(tower, False)
        try:
            yield
        finally:
            del tower.train
        return
    inside.vision_tower = _Given(int(model.config.vision_feature_select_strategy == "default"))
    try:
        yield
    finally:
        inside.vision_tower = tower


def _inside(model: Any) -> Any:
    """The model within what PEFT put around it."""
    return model.get_base_model() if hasattr(model, "get_base_model") else model


def _frozen_hashes(model: Any, known: Mapping[str, str] | None = None) -> dict[str, str]:
    """Name -> hash of each parameter that is not trained and of each buffer; PEFT's own names are taken back."""
    found = {}
    for name, tensor in model.state_dict(keep_vars=True).items():
        plain = name.replace(".base_layer.", ".").replace(".original_module.", ".")
        if (plain in known) if known is not None else not tensor.requires_grad:
            raw = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy()
            found[plain] = hashlib.sha256(raw.tobytes()).hexdigest()
    return found


def _require_kept(before: Mapping[str, str], after: Mapping[str, str]) -> None:
    changed = [name for name, one in before.items() if after.get(name) != one]
    if changed:
        raise RuntimeError(f"{len(changed)} tensors that are not trained have changed, e.g. {changed[0]}")


def _last_checkpoint(work: Path) -> str | None:
    """The newest checkpoint that is whole: its state is written last. What is not whole is removed."""
    found = sorted(work.glob("checkpoint-*"), key=lambda path: int(path.name.partition("-")[2]))
    while found:
        try:
            json.loads((found[-1] / _STATE_FILE).read_text(encoding="utf-8"))
            return str(found[-1])
        except (OSError, ValueError):
            shutil.rmtree(found.pop())
    return None


def _write_log(path: Path, history: Sequence[Mapping[str, Any]]) -> None:
    names = ("step", "epoch", "loss", "grad_norm", "learning_rate")
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, names, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(history)
