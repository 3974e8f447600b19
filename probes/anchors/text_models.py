"""How is a phrase's vector read out of a text model? One function a kind of source (see `probes/anchors/sources.py`)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from affect_workbench.data.storage.saved import read_record
from affect_workbench.probes.anchors.sources import (
    Checkpoint,
    TextVectors,
    checkpoint,
    quiet_transformers,
    require_known,
    require_tokenizer_files,
    state_of,
)
from affect_workbench.probes.encoders.text_length import require_within, transformers_context, transformers_counts

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_INPUT_TABLES = ("embed_tokens.weight", "token_embeddings.weight", "wte.weight", "word_embeddings.weight", "embed_in.weight")
_OUTPUT_TABLES = ("lm_head.weight", "embed_out.weight", "predictions.decoder.weight")
_AT_ONCE = 64
_DOWNLOAD = "download the checkpoint again"


def text_vectors(source: str, phrases: Sequence[str]) -> TextVectors:
    """Vectors `(s, m)` of phrases, not of unit length.

    Raises:
        ValueError: an unknown kind, a model without tokenizer, or without the table asked for, or a phrase with more tokens
            than the model reads.
        FileNotFoundError: no such model.
    """
    kind, model = require_known(source)
    if kind == "clip":
        return _clip(model, phrases)
    vectors, note = _READERS[kind](checkpoint(model), phrases)
    return TextVectors(vectors.float().numpy(), note)


def _clip(encoder: str, phrases: Sequence[str]) -> TextVectors:
    from affect_workbench.probes.encoders.vision import vision_encoder

    return TextVectors(vision_encoder(encoder, on="cpu", precision="float32").encode_text(list(phrases)))


def _sentence(known: Checkpoint, phrases: Sequence[str]) -> tuple[Tensor, str]:
    tokenizer = _tokenizer(known)
    encoder = _model(known)
    first_token = _pools_first_token(known.weights)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    counts = transformers_counts(tokenizer)(phrases)
    context = transformers_context(getattr(encoder.config, "max_position_embeddings", None), tokenizer)
    require_within(phrases, counts, context, model=known.called)
    parts = []
    for start in range(0, len(phrases), _AT_ONCE):
        batch = tokenizer(list(phrases[start : start + _AT_ONCE]), padding=True, return_tensors="pt")
        with torch.inference_mode():
            states = encoder(**batch).last_hidden_state
        mask = batch["attention_mask"].unsqueeze(-1).to(states.dtype)
        parts.append(states[:, 0] if first_token else (states * mask).sum(dim=1) / mask.sum(dim=1))
    return torch.cat(parts), ""


def _token(known: Checkpoint, phrases: Sequence[str]) -> tuple[Tensor, str]:
    """A scale that some families put on the table's output (Gemma's sqrt(d)) does not matter: anchors have unit length."""
    return _mean_rows(known, _token_ids(known, phrases, special=True), _INPUT_TABLES), ""


def _output(known: Checkpoint, phrases: Sequence[str]) -> tuple[Tensor, str]:
    token_ids = _token_ids(known, phrases, special=False)
    if _table(known, _OUTPUT_TABLES) is not None:
        return _mean_rows(known, token_ids, _OUTPUT_TABLES), ""
    with _missing_files_named(known):
        config = read_record(Path(_file(known, "config.json")), otherwise=_DOWNLOAD).values
    if config.get("tie_word_embeddings") is False and not config.get("share_input_output_layers"):
        raise ValueError(
            f"{known.called} has no output head named *{', *'.join(_OUTPUT_TABLES)}, and its input table does not stand in "
            f"for one: use token:{known.called}"
        )
    note = f"{known.called} has no output head of its own: the rows are those of its input table, which serves as both"
    return _mean_rows(known, token_ids, _INPUT_TABLES), note


def _hidden(known: Checkpoint, phrases: Sequence[str]) -> tuple[Tensor, str]:
    """Without a token that closes the phrase, should the tokenizer add one; what pads to the right is seen by nobody."""
    tokenizer = _tokenizer(known)
    model = _model(known)
    if model.config.is_encoder_decoder:
        raise ValueError(
            f"{known.called} is no causal language model (it has a decoder apart): use sentence:, token: or clip:"
        )
    ids = [list(one) for one in tokenizer(list(phrases))["input_ids"]]
    ids = [one[:-1] if len(one) > 1 and one[-1] == tokenizer.eos_token_id else one for one in ids]
    _refuse_empty(known, phrases, ids)
    context = transformers_context(getattr(model.config, "max_position_embeddings", None), tokenizer)
    require_within(phrases, [len(one) for one in ids], context, model=known.called)
    parts = []
    for start in range(0, len(ids), _AT_ONCE):
        chunk = ids[start : start + _AT_ONCE]
        lengths = torch.tensor([len(one) for one in chunk])
        longest = int(lengths.max())
        padded = torch.tensor([one + [one[-1]] * (longest - len(one)) for one in chunk])
        mask = (torch.arange(longest) < lengths[:, None]).long()
        with torch.inference_mode():
            states = model(input_ids=padded, attention_mask=mask).last_hidden_state
        parts.append(states[torch.arange(len(chunk)), lengths - 1])
    return torch.cat(parts), ""


_READERS: dict[str, Callable[[Checkpoint, Sequence[str]], tuple[Tensor, str]]] = {
    "sentence": _sentence,
    "token": _token,
    "output": _output,
    "hidden": _hidden,
}


def _token_ids(known: Checkpoint, phrases: Sequence[str], *, special: bool) -> list[list[int]]:
    ids = [list(one) for one in _tokenizer(known)(list(phrases), add_special_tokens=special)["input_ids"]]
    _refuse_empty(known, phrases, ids)
    return ids


def _refuse_empty(known: Checkpoint, phrases: Sequence[str], ids: Sequence[Sequence[int]]) -> None:
    empty = [phrase for phrase, one in zip(phrases, ids, strict=True) if not one]
    if empty:
        raise ValueError(
            f"the tokenizer of {known.called} finds no token in {empty[0]!r}: use another word or another model"
        )


def _tokenizer(known: Checkpoint) -> PreTrainedTokenizerBase:
    quiet_transformers()
    from transformers import AutoTokenizer

    require_tokenizer_files(known.tokenizer, known)
    try:
        return AutoTokenizer.from_pretrained(known.tokenizer, trust_remote_code=False)
    except (OSError, ValueError) as error:
        if Path(known.tokenizer).is_dir() or state_of(known.tokenizer) is None:
            raise _no_model(known.called, known.tokenizer, error) from error
        raise ValueError(
            f"{known.called} has no tokenizer that can be opened ({_reason(error)}): name another with MODEL@TOKENIZER"
        ) from error


def _model(known: Checkpoint) -> PreTrainedModel:
    from transformers import AutoModel
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()  # an output head that is left aside is meant to be
    try:
        return AutoModel.from_pretrained(known.weights, trust_remote_code=False).eval()
    except (OSError, ValueError) as error:
        if "trust_remote_code" in str(error):
            raise ValueError(
                f"the layers of {known.called} are code that comes with the checkpoint, which is never run here: "
                f"use token:{known.called} or output:{known.called}"
            ) from error
        if isinstance(error, OSError):
            raise _no_model(known.called, known.weights, error) from error
        raise
    finally:
        logging.set_verbosity(before)


@contextmanager
def _missing_files_named(known: Checkpoint) -> Iterator[None]:
    """Turns what is raised for a model that is not there, or not whole, into one clear line."""
    try:
        yield
    except OSError as error:
        raise _no_model(known.called, known.weights, error) from error


def _no_model(called: str, place: str, error: Exception) -> FileNotFoundError:
    meant = "" if called == place else f" (that is {place})"
    return FileNotFoundError(
        f"no text model at {called!r}{meant}: neither a checkpoint folder nor a hub name that can be reached "
        f"({_reason(error)}): give a folder that holds one, or sentence:minilm, which is bundled"
    )


def _reason(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _pools_first_token(folder: str) -> bool:
    from transformers.utils.hub import cached_file

    config = cached_file(folder, "1_Pooling/config.json", _raise_exceptions_for_missing_entries=False)
    if config is None:
        return False
    pooling = read_record(Path(config), otherwise=_DOWNLOAD).values
    modes = {"cls": pooling.get("pooling_mode_cls_token"), "mean": pooling.get("pooling_mode_mean_tokens")}
    modes[str(pooling.get("pooling_mode"))] = True  # newer files name the mode
    if not modes["cls"] and not modes["mean"]:
        raise ValueError(f"{folder} pools neither by mean nor by first token: use another sentence encoder")
    return bool(modes["cls"])


def _mean_rows(known: Checkpoint, token_ids: list[list[int]], names: tuple[str, ...]) -> Tensor:
    """Means `(s, m)` of the table's rows, read one by one from the shard that holds it."""
    from safetensors import safe_open

    found = _table(known, names)
    if found is None:
        raise ValueError(f"{known.called} has no input embedding table named *{', *'.join(names)}")
    shard, name = found
    with safe_open(shard, framework="pt") as file:
        table: Any = file.get_slice(name)
        size, largest = table.get_shape()[0], max(map(max, token_ids))
        if largest >= size:
            raise ValueError(
                f"the tokenizer {known.tokenizer} knows a token {largest}, the table of {known.called} has {size} rows: "
                "they do not belong together"
            )
        rows = {
            token: table[token : token + 1][0].float() for token in sorted({token for ids in token_ids for token in ids})
        }
    return torch.stack([torch.stack([rows[token] for token in ids]).mean(dim=0) for ids in token_ids])


def _table(known: Checkpoint, names: tuple[str, ...]) -> tuple[str, str] | None:
    """(file, name of the tensor) of the first of these tables that the checkpoint holds."""
    from safetensors import safe_open
    from transformers.utils.hub import cached_file

    with _missing_files_named(known):
        index = cached_file(known.weights, "model.safetensors.index.json", _raise_exceptions_for_missing_entries=False)
        if index is not None:
            shards = read_record(Path(index), otherwise=_DOWNLOAD).record("weight_map")
            owners = {name: shards.text(name) for name in shards.values}
        else:
            with safe_open(_file(known, "model.safetensors"), framework="pt") as file:
                owners = dict.fromkeys(file.keys(), "model.safetensors")
        name = next((name for ending in names for name in owners if name.endswith(ending)), None)
        return None if name is None else (_file(known, owners[name]), name)


def _file(known: Checkpoint, name: str) -> str:
    from transformers.utils.hub import cached_file

    return str(cached_file(known.weights, name))
