"""How is a model taught: which stages it goes through, what is written, and how does a killed run go on?

While it runs, everything lies in `OUT.training`: tokens of pictures, checkpoints, logs, what finished stages made. The same
command goes on from there; another one refuses. `OUT` appears when all stages are done, with the logs. Of several processes,
one a device, all train, and the main one speaks and writes what the others read.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.mmllm.conversations import StageData
from affect_workbench.workbench.models.mmllm.settings import StageSettings

if TYPE_CHECKING:
    from affect_workbench.probes.mmllm.recipes import Recipe, Stage

TRAINED_FILE = "trained.json"
LOGS = "logs"
_SETTINGS_FILE = "settings.json"


@writes_out()
def train_stages(settings: StageSettings, *, command: str = "", say: Say = print) -> None:
    """Trains the stages that are asked for and writes the model; see `StageSettings`.

    Raises:
        ValueError: settings that do not go together, data or a model of another kind, a language model that cannot read the
            drawn world's words, or `OUT.training` is of another run.
        FileNotFoundError: no such model or data.
        FileExistsError: the folder exists.
        RuntimeError: something that is not trained has changed.
    """
    from affect_workbench.probes.anchors.sources import quiet_transformers
    from affect_workbench.probes.mmllm.recipes import STAGES, Recipe
    from affect_workbench.probes.training.distributed import is_main

    say = say if is_main() else _nothing
    recipe = Recipe.named(settings.recipe)
    wanted = _wanted(settings, recipe)
    quiet_transformers()
    data = None if [stage.name for stage in wanted] == [STAGES[0]] else StageData.read(Path(settings.data), say)
    with _main_first():
        work = _work(settings)
    stages: dict[str, Any] = {}
    model: Any = None
    processor: Any = None
    for stage in wanted:
        if stage.name == STAGES[0]:
            model, processor, told = _language(settings, stage, work / stage.name, say)
        else:
            if model is None or not hasattr(model, "get_image_features"):
                model, processor = _composed(settings, recipe, work, from_nothing=model is not None)
            assert data is not None
            model, told = _with_pictures(settings, stage, model, processor, data, work, say)
        stages[stage.name] = told
    if not is_main():
        return
    record = {"schema": 1, "recipe": recipe.name, "stages": stages, "seed": settings.seed, "command": command}
    record |= {"model": settings.model, "data": settings.data}
    with atomic_folder(Path(settings.out), overwrite=settings.overwrite) as folder:
        model.save_pretrained(folder)
        processor.save_pretrained(folder)
        for stage in wanted:
            _keep_logs(work / stage.name, folder / LOGS / stage.name)
        write_json(folder / TRAINED_FILE, record)
    shutil.rmtree(work, ignore_errors=True)
    say(f"wrote {settings.out}; next: {_next(settings, wanted)}")


def _nothing(_line: str) -> None:
    """What processes say that are not the main one."""


@contextmanager
def _main_first() -> Iterator[None]:
    """The main process does it while the others wait, and these then find it done."""
    from affect_workbench.probes.training.distributed import processes

    if processes() == 1:
        yield
        return
    import torch
    from accelerate import PartialState

    with PartialState(cpu=not torch.cuda.is_available()).main_process_first():
        yield


def _next(settings: StageSettings, wanted: Sequence[Stage]) -> str:
    if [stage.name for stage in wanted] == ["language"]:
        return f"workbench mmllm compose --llm {settings.out} -o MODEL"
    return f"workbench mmllm chat {settings.out} PICTURE --label joy"


def _wanted(settings: StageSettings, recipe: Recipe) -> list[Stage]:
    """The stages that are trained, with the number of steps that is asked for."""
    from affect_workbench.probes.mmllm.recipes import STAGES

    if settings.steps < 0 or settings.pictures < 1:
        raise ValueError(f"--steps {settings.steps}, --pictures {settings.pictures}: expected 0 or more, and 1 or more")
    if settings.stage == "all":
        names = [stage.name for stage in recipe.stages if stage.name != STAGES[0] or not settings.model]
    else:
        names = [recipe.stage(settings.stage).name]
    language = STAGES[0] in names
    if language and settings.model:
        raise ValueError("stage 0 begins from nothing: leave the model out")
    if not language and not settings.model:
        raise ValueError(f"missing MODEL: stage {settings.stage} trains a model of `workbench mmllm compose`")
    if names != [STAGES[0]] and not settings.data:
        raise ValueError("missing --data: instruct data, e.g. of `workbench instruct build`")
    found = [recipe.stage(name) for name in names]
    return [replace(stage, steps=settings.steps) for stage in found] if settings.steps else found


def _work(settings: StageSettings) -> Path:
    """The folder of what is unfinished, of this very run.

    Raises:
        ValueError: it is of another one.
    """
    told = {key: value for key, value in asdict(settings).items() if key not in ("overwrite", "out", "skip_exam")}
    told["recipe_hash"] = _recipe_hash(settings.recipe)
    work = Path(f"{settings.out}.training")
    file = work / _SETTINGS_FILE
    if file.is_file():
        before = json.loads(file.read_text(encoding="utf-8"))
        changed = [key for key in told if before.get(key) != told[key]]
        if changed:
            raise ValueError(f"{work} is of a run with another {', '.join(changed)}: go on with that, or remove the folder")
    else:
        work.mkdir(parents=True, exist_ok=True)
        write_json(file, told)
    return work


def _recipe_hash(name: str) -> str:
    from affect_workbench.probes.mmllm.recipes import Recipe

    return hashlib.sha256(repr(Recipe.named(name)).encode()).hexdigest()[:16]


def _keep_logs(made: Path, kept: Path) -> None:
    kept.mkdir(parents=True, exist_ok=True)
    for path in [*made.glob("log.csv"), *made.glob("**/events.out.tfevents.*")]:
        shutil.copy2(path, kept / path.name)


def _language(settings: StageSettings, stage: Stage, work: Path, say: Say) -> tuple[Any, Any, dict[str, Any]]:
    """Stage 0: a language model learns the drawn world's words from nothing, and is examined."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from affect_workbench.probes.mmllm.language.exam import statement_exam, text_exam
    from affect_workbench.probes.mmllm.language.model import new_language_model
    from affect_workbench.probes.mmllm.language.texts import world_examples
    from affect_workbench.probes.mmllm.training import Material, train_stage
    from affect_workbench.probes.runtime import seed_everything
    from affect_workbench.probes.training.distributed import is_main

    done = work / "model"
    if (done / TRAINED_FILE).is_file():
        told = json.loads((done / TRAINED_FILE).read_text(encoding="utf-8"))
        say(f"stage {stage.name}: done before")
        return AutoModelForCausalLM.from_pretrained(done).eval(), AutoTokenizer.from_pretrained(done), told
    tokenizer, examples = world_examples(settings.pictures, seed=settings.seed)
    say(f"stage {stage.name}: {plural(len(examples), 'conversation')} about pictures described in words")
    seed_everything(settings.seed)
    model, result = train_stage(
        new_language_model(tokenizer), tokenizer, stage, Material(examples), work, seed=settings.seed
    )
    exam = text_exam(model, tokenizer, seed=settings.seed + 1)
    judged = statement_exam(model, tokenizer, seed=settings.seed + 1)
    told = {**asdict(result), "exam": exam, "statements": judged}
    say(f"exam in words: {', '.join(f'{name} {share:.0%}' for name, share in exam.items())}")
    say(f"statements about what is described: {judged:.0%} judged rightly, where guessing gives 50%")
    _require_passed(exam, settings)
    with _main_first():
        if is_main():
            with atomic_folder(done, overwrite=True) as folder:
                model.save_pretrained(folder)
                tokenizer.save_pretrained(folder)
                write_json(folder / TRAINED_FILE, told)
    return model, tokenizer, told


def _require_passed(exam: Mapping[str, float], settings: StageSettings) -> None:
    from affect_workbench.probes.mmllm.language.exam import PASSED

    failed = [name for name, share in exam.items() if share < PASSED]
    if failed and not settings.skip_exam:
        raise ValueError(
            f"the language model cannot read {', '.join(failed)} as text ({PASSED:.0%} right are needed), and no connector "
            "would teach it: train it longer (steps in a recipe), or go on anyway with --skip-exam"
        )


def _composed(settings: StageSettings, recipe: Recipe, work: Path, *, from_nothing: bool) -> tuple[Any, Any]:
    """The model with its processor: as it was composed, or composed now of the language model that stage 0 made."""
    from affect_workbench.probes.attach.model import ModelSource
    from affect_workbench.probes.attach.source import load_model
    from affect_workbench.probes.mmllm.compose import compose

    if from_nothing:
        made = compose(recipe.vision, str(work / "language" / "model"), template=recipe.template, seed=settings.seed)
        return made.model, made.processor
    loaded = load_model(ModelSource.parse(settings.model, trust_remote_code=settings.trust_remote_code))
    if loaded.model.config.model_type != "llava":
        raise ValueError(f"{settings.model} is a {loaded.model.config.model_type} model: expected one of `mmllm compose`")
    return loaded.model, loaded.processor


def _with_pictures(
    settings: StageSettings, stage: Stage, model: Any, processor: Any, data: StageData, work: Path, say: Say
) -> tuple[Any, dict[str, Any]]:
    """Stage 1 or 2: the finished weights of the stage where it was done before."""
    from safetensors.torch import load_file, save_file

    from affect_workbench.probes.mmllm.pictures import PicturePixels, tower_tokens
    from affect_workbench.probes.mmllm.training import LOG_FILE, Material, train_stage
    from affect_workbench.probes.training.distributed import is_main

    folder = work / stage.name
    weights, told_file = folder / "weights.safetensors", folder / TRAINED_FILE
    if told_file.is_file():
        say(f"stage {stage.name}: done before")
        model.load_state_dict(load_file(weights), strict=False)
        told: dict[str, Any] = json.loads(told_file.read_text(encoding="utf-8"))
        return model, told
    examples = data.examples(processor, stage, settings.seed, image_tokens=int(model.config.image_seq_length))
    say(f"stage {stage.name}: {plural(len(examples), 'conversation')}, {_trains(stage)}")
    if stage.precompute:
        with _main_first():
            pictures: Any = tower_tokens(model, processor, data.paths, work, progress=is_main())
    else:
        pictures = PicturePixels(data.paths, processor.image_processor)
    model, result = train_stage(model, processor, stage, Material(examples, pictures), folder, seed=settings.seed)
    tower = "model.vision_tower."
    trained = {name: value.contiguous() for name, value in model.state_dict().items() if not name.startswith(tower)}
    if stage.trains == "connector":
        trained = {name: value for name, value in trained.items() if "multi_modal_projector" in name}
    else:
        trained = {name: value.clone() for name, value in trained.items()}
    told = asdict(result) | {"conversations": len(examples)}
    with _main_first():
        if is_main():
            save_file(trained, weights)
            write_json(told_file, told)
    kept = plural(result.kept, "other tensor is", "other tensors are")
    say(
        f"stage {stage.name}: {plural(result.steps, 'step')}, mean loss {result.first_loss:.2f} in the first tenth and "
        f"{result.last_loss:.2f} in the last (texts of like length come together: {LOG_FILE} has every step); "
        f"{result.learned:,} numbers learned, {kept} as before, to the bit"
    )
    return model, told


def _trains(stage: Stage) -> str:
    return {"connector": "the connector learns", "lora": "LoRA and the connector learn", "all": "all but the tower learns"}[
        stage.trains
    ]
