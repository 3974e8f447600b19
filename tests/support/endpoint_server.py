"""Where do tests find an OpenAI-compatible endpoint? A small real HTTP server on this machine, which can misbehave."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from PIL import Image

Alternatives = Mapping[str, float]


@dataclass
class Call:
    """One request as it arrived."""

    body: dict[str, Any]
    headers: Message

    @property
    def question(self) -> str:
        return next(part["text"] for part in self.body["messages"][0]["content"] if part["type"] == "text")

    @property
    def picture(self) -> Image.Image:
        url = next(part["image_url"]["url"] for part in self.body["messages"][0]["content"] if part["type"] == "image_url")
        assert url.startswith("data:image/jpeg;base64,")
        return Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2])))


@dataclass
class EndpointServer:
    """A server and what it does.

    Attributes:
        answer: what it writes, for a call and its number, from 0.
        alternatives: token -> probability at the first place of the answer, with log-probabilities.
        logprobs: whether it returns log-probabilities.
        model: the name that it gives itself, by the call's number.
        faults: number of a call -> what goes wrong: `slow`, `cut`, `html`, `error-in-body`, a status, or (status, message).
        refuses: names of parameters that it answers with status 400.
        calls: what arrived.
    """

    answer: Callable[[Call, int], str] = lambda call, number: "joy"
    alternatives: Callable[[Call, int], Alternatives] = lambda call, number: {"joy": 0.7, "anger": 0.2, "the": 0.1}
    logprobs: bool = True
    model: Callable[[int], str] = lambda number: "tiny-1"
    faults: Callable[[int], Any] = lambda number: None
    refuses: tuple[str, ...] = ()
    finish: str = "stop"
    calls: list[Call] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)
    url: str = ""

    def reply(self, call: Call, number: int) -> dict[str, Any]:
        text = self.answer(call, number)
        choice: dict[str, Any] = {
            "index": 0,
            "finish_reason": self.finish,
            "message": {"role": "assistant", "content": text},
            "logprobs": None,
        }
        if self.logprobs and call.body.get("logprobs"):
            choice["logprobs"] = {"content": list(self._tokens(text, call, number))}
        usage = {"prompt_tokens": 300, "completion_tokens": 2, "total_tokens": 302}
        return {
            "id": f"call-{number}",
            "object": "chat.completion",
            "created": 0,
            "model": self.model(number),
            "choices": [choice],
            "usage": usage,
        }

    def _tokens(self, text: str, call: Call, number: int) -> Iterator[dict[str, Any]]:
        import math

        for at, word in enumerate(text.split(" ")):
            others = dict(self.alternatives(call, number)) if at == 0 else {}
            token = word if at == 0 else f" {word}"
            others.setdefault(token, 0.999)
            listed = [{"token": name, "logprob": math.log(share), "bytes": None} for name, share in others.items()]
            yield {"token": token, "logprob": math.log(others[token]), "bytes": None, "top_logprobs": listed}


@contextlib.contextmanager
def served_endpoint(server: EndpointServer) -> Iterator[EndpointServer]:
    """Runs the server while the block does; its address is in `url`."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            call = Call(body, self.headers)
            with server.lock:
                number = len(server.calls)
                server.calls.append(call)
            refused = next((name for name in server.refuses if name in body), None)
            if refused:
                return self._send(400, {"error": {"message": f"Unsupported parameter: '{refused}'", "param": refused}})
            fault = server.faults(number)
            if fault == "slow":
                time.sleep(1.5)
            elif fault == "html":
                return self._send(200, b"<html>a page</html>", kind="text/html")
            elif fault == "error-in-body":
                return self._send(200, {"error": {"message": "upstream failed", "code": 502}})
            elif fault == "cut":
                return self._send(200, server.reply(call, number), missing=40)
            elif isinstance(fault, int):
                return self._send(fault, {"error": {"message": f"status {fault}"}})
            elif fault:
                return self._send(fault[0], {"error": {"message": fault[1], "code": "code"}})
            return self._send(200, server.reply(call, number))

        def _send(self, status: int, body: Any, *, kind: str = "application/json", missing: int = 0) -> None:
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content[: len(content) - missing])
                if missing:
                    self.close_connection = True

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    http.daemon_threads = True
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    server.url = f"http://127.0.0.1:{http.server_address[1]}/v1"
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()
