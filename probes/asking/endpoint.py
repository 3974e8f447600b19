"""How is a model behind an OpenAI-compatible address asked, with keys, time-outs, retries and changes in mind?"""

from __future__ import annotations

import base64
import io
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

from PIL import Image

from affect_workbench.data.answers.parser import parse
from affect_workbench.data.taxonomies.taxonomy import Taxonomy
from affect_workbench.probes.asking.alternatives import Token, label_probabilities
from affect_workbench.probes.asking.endpoint_settings import EndpointSettings, Known
from affect_workbench.probes.asking.questions import Asked, Reply

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.chat.chat_completion import Choice

_ALTERNATIVES = (20, 5)
"""How many alternatives to a token are asked for: what most endpoints allow, and what the strictest do."""
_TRIED = 3
"""Answers that may be empty before it is decided that an endpoint returns no log-probabilities."""
_LONGEST_WAIT = 8.0
_QUALITY = 90


class EndpointError(OSError):
    """The endpoint did not answer, or not as it must; one line."""


class Endpoint:
    """Asks a model behind an address. Pictures go there as JPEG in the call itself, without their metadata."""

    def __init__(self, settings: EndpointSettings, taxonomy: Taxonomy, known: Mapping[str, Any] | None = None) -> None:
        """An endpoint; no call is made yet.

        Args:
            settings: where it is and how it is asked.
            taxonomy: the labels.
            known: what `known` was before an interruption, as a record.

        Raises:
            ValueError: no key in the environment; the package `openai` is missing.
        """
        self.settings, self.taxonomy = settings, taxonomy
        self.known = Known(**known) if known else Known()
        self._key = settings.key()
        self._client = _client(settings, self._key)
        self._lock = threading.Lock()

    def learn(self, asked: Sequence[Asked]) -> Known:
        """Finds out with a question or two which parameters the endpoint takes, and whether log-probabilities come back.

        Raises:
            EndpointError: see `replies`.
        """
        if self.known.model:
            return self.known
        self.known.parameters = {
            "max_tokens": self.settings.longest,
            "temperature": 0.0,
            "logprobs": True,
            "top_logprobs": _ALTERNATIVES[0],
        }
        for one in asked[:_TRIED]:
            choice, _ = self._call(one, sampled=False, adapting=True)
            listed = choice.logprobs.content if choice.logprobs else None
            self.known.probabilities = bool(listed) and any(len(token.top_logprobs or ()) > 1 for token in listed or ())
            if self.known.probabilities or (choice.message.content or "").strip():
                break
        if not self.known.probabilities:
            for name in ("logprobs", "top_logprobs"):
                self.known.parameters.pop(name, None)
        return self.known

    def replies(self, asked: Sequence[Asked]) -> Iterator[tuple[int, Reply]]:
        """Asks several questions at a time.

        Raises:
            EndpointError: no answer after all retries, one that is none, or one from another model than before.
        """
        pool = ThreadPoolExecutor(self.settings.parallel)
        stopped = threading.Event()
        failure: Exception | None = None

        def reply(one: Asked) -> Reply | None:
            try:
                return None if stopped.is_set() else self._reply(one)
            except BaseException:
                stopped.set()
                raise

        try:
            waiting = {pool.submit(reply, one): at for at, one in enumerate(asked)}
            for future in as_completed(waiting):
                try:
                    found = future.result()
                except Exception as error:
                    failure = failure or error
                    continue
                if found is not None:
                    yield waiting[future], found
        finally:
            stopped.set()
            pool.shutdown(wait=False, cancel_futures=True)
        if failure is not None:
            raise failure

    def _reply(self, one: Asked) -> Reply:
        sampled = one[0].method == "generated"
        choice, usage = self._call(one, sampled=sampled)
        text = choice.message.content or ""
        refusal = choice.message.refusal or ""
        listed = choice.logprobs.content if choice.logprobs else None
        tokens = [
            Token(token.token, {other.token: other.logprob for other in token.top_logprobs or ()}) for token in listed or ()
        ]
        return Reply(
            text=text or refusal,
            probabilities=None if sampled else _probabilities(text, tokens, self.taxonomy),
            refused=bool(refusal) or choice.finish_reason == "content_filter",
            cut=choice.finish_reason == "length",
            tokens_in=usage[0],
            tokens_out=usage[1],
        )

    def _call(self, one: Asked, *, sampled: bool, adapting: bool = False) -> tuple[Choice, tuple[int, int]]:
        """One answer and the tokens that it cost, after as many retries as are allowed."""
        import openai

        parameters = self._sampling() if sampled else self.known.parameters
        problem = ""
        for attempt in range(self.settings.retries + 1):
            if attempt:
                time.sleep(min(0.5 * 2.0 ** (attempt - 1), _LONGEST_WAIT))
            try:
                completion = self._sent(one, parameters)
            except openai.APIStatusError as error:
                if adapting and self._adapted(error):
                    return self._call(one, sampled=sampled, adapting=True)
                if _is_filtered(error):
                    return _withheld(), (0, 0)
                raise self._error(f"answers {error.status_code}: {_message(error)}") from error
            except openai.APITimeoutError as error:
                tries = f" ({self.settings.retries + 1} tries)" if self.settings.retries else ""
                raise self._error(f"did not answer within {self.settings.timeout:g} s{tries}") from error
            except openai.APIConnectionError as error:
                raise self._error(f"cannot be reached: {error.__cause__ or error}") from error
            except (openai.APIError, ValueError) as error:
                problem = f"gave no readable answer: {error}"
                continue
            problem = _fault(completion)
            if not problem:
                self._require_same(completion.model)
                usage = completion.usage
                return completion.choices[0], (usage.prompt_tokens or 0, usage.completion_tokens or 0) if usage else (0, 0)
        raise self._error(problem)

    def _sent(self, one: Asked, parameters: Mapping[str, Any]) -> Any:
        question, picture = one
        content = [
            {"type": "image_url", "image_url": {"url": data_url(picture, self.settings.side)}},
            {"type": "text", "text": question.text},
        ]
        messages: Any = [{"role": "user", "content": content}]
        return self._client.chat.completions.create(model=self.settings.model, messages=messages, **parameters)

    def _sampling(self) -> dict[str, Any]:
        parameters = {name: value for name, value in self.known.parameters.items() if "logprobs" not in name}
        return parameters | ({"temperature": self.settings.temperature} if "temperature" in parameters else {})

    def _adapted(self, error: Any) -> bool:
        """Whether something that the endpoint refuses is sent otherwise from now on."""
        text, parameters = _message(error).casefold(), self.known.parameters
        if error.status_code not in (400, 422):
            return False
        if "max_completion_tokens" in text and "max_tokens" in parameters:
            parameters["max_completion_tokens"] = parameters.pop("max_tokens")
        elif "top_logprobs" in text and parameters.get("top_logprobs") == _ALTERNATIVES[0]:
            parameters["top_logprobs"] = _ALTERNATIVES[1]
        elif "logprobs" in text and "logprobs" in parameters:
            parameters.pop("logprobs"), parameters.pop("top_logprobs")
        elif "temperature" in text and "temperature" in parameters:
            parameters.pop("temperature")
            self.known.notes.append("the endpoint takes no temperature: its own is used")
        else:
            return False
        return True

    def _require_same(self, model: str | None) -> None:
        with self._lock:
            if not self.known.model:
                self.known.model = model or self.settings.model
            elif model and model != self.known.model:
                raise EndpointError(
                    f"{self.settings.shown} now answers as {model!r}, before as {self.known.model!r}: answers of two models "
                    f"are not mixed; ask for {self.known.model!r} by that name, or wait until it is back"
                )

    def _error(self, what: str) -> EndpointError:
        line = " ".join(f"{self.settings.shown} {what}".split())
        return EndpointError(line if self._key == "none" else line.replace(self._key, "(the key)"))


def data_url(picture: Image.Image, side: int) -> str:
    """A picture as a JPEG in a data URL, its longer side at most `side` pixels; a smaller one is not enlarged."""
    small = picture.copy()
    small.thumbnail((side, side))
    file = io.BytesIO()
    small.save(file, "JPEG", quality=_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode('ascii')}"


def _client(settings: EndpointSettings, key: str) -> OpenAI:
    try:
        from openai import OpenAI
    except ImportError as error:
        raise ValueError("--endpoint needs the package openai: pip install 'affect-workbench[attach]'") from error
    return OpenAI(api_key=key, base_url=settings.url, timeout=settings.timeout, max_retries=settings.retries)


def _probabilities(text: str, tokens: Sequence[Token], taxonomy: Taxonomy) -> tuple[float, ...] | None:
    """Of the labels where the text names one: by its alternatives, else all of it for that one; None where it names none."""
    answer = parse(text, taxonomy)
    if answer.label is None:
        return None
    # Some servers take blanks off the text and not off its tokens.
    shift = max("".join(token.text for token in tokens).find(text), 0)
    found = label_probabilities(tokens, answer.start + shift, taxonomy)
    return found or tuple(float(label == answer.label) for label in taxonomy.labels)


def _fault(completion: Any) -> str:
    """What is wrong with something that was sent as an answer; empty for a good one."""
    choices = getattr(completion, "choices", None)
    message = choices[0].message if isinstance(choices, list) and choices else None
    if message is not None and isinstance(message.content, str | None):
        return ""
    error = getattr(completion, "error", None)
    if isinstance(error, Mapping):
        return f"answers with an error: {error.get('message') or dict(error)}"
    return "answers with something that is no chat completion: is the address right (it often ends in /v1)?"


def _message(error: Any) -> str:
    body = error.body if isinstance(error.body, Mapping) else {}
    inner = body.get("message") or body.get("detail") or body.get("error")
    return " ".join(str(inner or error.message).split())[:300]


def _is_filtered(error: Any) -> bool:
    """Whether a filter of the endpoint's provider withheld the answer."""
    return error.status_code == 400 and "content_filter" in f"{error.code} {_message(error)}"


def _withheld() -> Choice:
    from openai.types.chat import ChatCompletionMessage
    from openai.types.chat.chat_completion import Choice

    message = ChatCompletionMessage(role="assistant", content="")
    return Choice(index=0, finish_reason="content_filter", message=message)
