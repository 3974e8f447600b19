"""How do a vision tower and a language model become one model, from the command line?"""

from __future__ import annotations

from pathlib import Path

from affect_workbench.workbench.interface.claiming import writes_out
from affect_workbench.workbench.interface.progress import Say
from affect_workbench.workbench.models.mmllm.settings import ComposeSettings


@writes_out()
def compose(settings: ComposeSettings, *, say: Say = print) -> None:
    """Writes a composed model; see `ComposeSettings`.

    Raises:
        ValueError: see `probes.mmllm.compose.compose` and `probes.mmllm.recipes.Recipe.named`.
        FileExistsError: the folder exists.
    """
    from affect_workbench.probes.anchors.sources import quiet_transformers
    from affect_workbench.probes.mmllm.compose import compose as composed
    from affect_workbench.probes.mmllm.recipes import Recipe

    recipe = Recipe.named(settings.recipe)
    quiet_transformers()
    vision, llm = settings.vision or recipe.vision, settings.llm or recipe.llm
    own = not settings.vision and not settings.llm
    if own and recipe.note:
        say(f"note: {recipe.note}")
    model = composed(
        vision,
        llm,
        template=settings.template or recipe.template,
        layer=settings.layer,
        seed=settings.seed,
        dtype=settings.dtype or recipe.dtype,
        trust_remote_code=settings.trust_remote_code,
    )
    for note in model.notes:
        say(f"note: {note}")
    model.save(Path(settings.out), {"vision": vision, "llm": llm, "seed": settings.seed}, overwrite=settings.overwrite)
    say(f"{model.size_in_words}: a picture takes {model.image_tokens} tokens; the connector is fresh and says nothing yet")
    say(f"wrote {settings.out}; next: workbench mmllm train {settings.out} --data INSTRUCT -o MODEL")
