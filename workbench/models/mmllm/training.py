"""How is a model taught: which conversations each stage learns from, what is written, and how does a killed run go on?

While it runs, everything lies in `OUT.training`: tokens of pictures, checkpoints, logs, what finished stages made. The same
command goes on from there; another one refuses. `OUT` appears when all stages are done, with the logs.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from affect_workbench.data.instruct.folder import InstructData, read_instruct
from affect_workbench.data.instruct.records import FINE_TUNING, PRETRAINING, InstructRecord
from affect_workbench.data.plurals import plural
from affect_workbench.data.storage.atomic import atomic_folder, write_json
from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.mmllm.settings import StageSettings

if TYPE_CHECKING:
    from affect_workbench.probes.mmllm.recipes import Recipe, Stage

TRAINED_FILE = "trained.json"
LOGS = "logs"
_SETTINGS_FILE = "settings.json"
_STAGE_OF = {"connector": PRETRAINING, "reasoning": FINE_TUNING}


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

    recipe = Recipe.named(settings.recipe)
    wanted = _wanted(settings, recipe)
    quiet_transformers()
    data = None if [stage.name for stage in wanted] == [STAGES[0]] else _data(settings, say)
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

    from affect_workbench.probes.mmllm.language.exam import text_exam
    from affect_workbench.probes.mmllm.language.model import new_language_model
    from affect_workbench.probes.mmllm.language.texts import world_examples
    from affect_workbench.probes.mmllm.training import Material, train_stage
    from affect_workbench.probes.runtime import seed_everything

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
    told = {**asdict(result), "exam": exam}
    say(f"exam in words: {', '.join(f'{name} {share:.0%}' for name, share in exam.items())}")
    _require_passed(exam, settings)
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


@dataclass(frozen=True)
class _Data:
    """Conversations whose pictures are there, and these pictures."""

    records: Sequence[InstructRecord]
    paths: Sequence[Path]
    number: Mapping[str, int]


def _data(settings: StageSettings, say: Say) -> _Data:
    data = read_instruct(Path(settings.data))
    broken = data.conversations.problems
    if broken:
        listed = "; ".join(problem.detail for problem in broken[:5])
        say(f"note: {plural(len(broken), 'broken line')} left out: {listed}{' …' if len(broken) > 5 else ''}")
    records, paths, number = _with_files(data, say)
    if not records:
        raise ValueError(f"{settings.data}: no conversation with a picture that is there")
    return _Data(records, paths, number)


def _with_files(data: InstructData, say: Say) -> tuple[list[InstructRecord], list[Path], dict[str, int]]:
    there = {image: data.root / image for image in dict.fromkeys(record.image for record in data.records)}
    missing = [image for image, path in there.items() if not path.is_file()]
    if missing:
        lost = sum(record.image in set(missing) for record in data.records)
        some = f"{', '.join(missing[:3])}{' …' if len(missing) > 3 else ''}"
        pictures, chats = plural(len(missing), "picture is", "pictures are"), plural(lost, "conversation")
        say(f"note: {pictures} missing ({some}): {chats} left out")
    paths = {image: path for image, path in there.items() if image not in set(missing)}
    kept = [record for record in data.records if record.image in paths]
    return kept, list(paths.values()), {image: at for at, image in enumerate(paths)}


def _with_pictures(
    settings: StageSettings, stage: Stage, model: Any, processor: Any, data: _Data, work: Path, say: Say
) -> tuple[Any, dict[str, Any]]:
    """Stage 1 or 2: the finished weights of the stage where it was done before."""
    from safetensors.torch import load_file, save_file

    from affect_workbench.probes.mmllm.pictures import PicturePixels, tower_tokens
    from affect_workbench.probes.mmllm.training import Material, train_stage

    folder = work / stage.name
    weights, told_file = folder / "weights.safetensors", folder / TRAINED_FILE
    if told_file.is_file():
        say(f"stage {stage.name}: done before")
        model.load_state_dict(load_file(weights), strict=False)
        told: dict[str, Any] = json.loads(told_file.read_text(encoding="utf-8"))
        return model, told
    chosen = _chosen(data.records, stage, settings.seed)
    examples = _examples(processor, stage, chosen, data.number, int(model.config.image_seq_length))
    say(f"stage {stage.name}: {plural(len(examples), 'conversation')}, {_trains(stage)}")
    if stage.precompute:
        pictures: Any = tower_tokens(model, processor, data.paths, work)
    else:
        pictures = PicturePixels(data.paths, processor.image_processor)
    model, result = train_stage(model, processor, stage, Material(examples, pictures), folder, seed=settings.seed)
    tower = "model.vision_tower."
    trained = {name: value.contiguous() for name, value in model.state_dict().items() if not name.startswith(tower)}
    if stage.trains == "connector":
        trained = {name: value for name, value in trained.items() if "multi_modal_projector" in name}
    else:
        trained = {name: value.clone() for name, value in trained.items()}
    save_file(trained, weights)
    told = asdict(result) | {"conversations": len(examples)}
    write_json(told_file, told)
    kept = plural(result.kept, "other tensor is", "other tensors are")
    say(
        f"stage {stage.name}: loss {result.first_loss:.2f} to {result.last_loss:.2f} in {plural(result.steps, 'step')}; "
        f"{result.learned:,} numbers learned, {kept} as before, to the bit"
    )
    return model, told


def _trains(stage: Stage) -> str:
    return {"connector": "the connector learns", "lora": "LoRA and the connector learn", "all": "all but the tower learns"}[
        stage.trains
    ]


def _chosen(records: Sequence[InstructRecord], stage: Stage, seed: int) -> list[InstructRecord]:
    """The conversations of the stage, with some of the earlier stage's among them so that they are not forgotten."""
    own = [record for record in records if record.stage == _STAGE_OF[stage.name]]
    if not own:
        raise ValueError(f"stage {stage.name!r} learns from {_STAGE_OF[stage.name]} conversations, and the data have none")
    others = [record for record in records if record.stage != _STAGE_OF[stage.name]]
    count = min(len(others), round(stage.rehearsal * len(own)))
    drawn = np.random.default_rng(seed).permutation(len(others))[:count]
    return [*own, *(others[at] for at in sorted(drawn))]


def _examples(
    processor: Any, stage: Stage, records: Sequence[InstructRecord], number: Mapping[str, int], image_tokens: int
) -> list[dict[str, Any]]:
    from affect_workbench.probes.mmllm.examples import chat_of, lessons, tokenised

    learned = [one for record in records for one in lessons(record)]
    chats, template = [chat_of(one) for one in learned], processor.chat_template
    made = tokenised(processor.tokenizer, template, chats, image_tokens=image_tokens, longest=stage.longest)
    return [{**one, "picture": number[record.image]} for one, record in zip(made, learned, strict=True)]
