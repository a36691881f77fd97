"""One execution environment of a function: a process under Lambda's bootstrap, and its Runtime API.

Runtime API: docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html
"""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import files
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import IO, Any, Final
from uuid import uuid4

from tools.gateway.deployment import Function

_RUNTIME: Final = ("awslambdaric", "simplejson", "snapshot-restore-py")
"""The packages of Lambda's Python runtime."""
_NEXT: Final = "/2018-06-01/runtime/invocation/next"
_RESULT: Final = re.compile(r"/2018-06-01/runtime/(?:invocation/[\w-]+/(response|error)|init/(error))")
_POLL_S: Final = 0.1
MAX_ANSWER_BYTES: Final = 6_291_556
"""Lambda's limit for a JSON response, in bytes."""


class FunctionError(Exception):
    """An invocation failed: the function raised, exited or timed out, or its response is too large."""


class Environment:
    """Runs a function, one invocation at a time; its output goes to `output`."""

    def __init__(
        self, function: Function, runtime: Path, environ: Mapping[str, str], output: IO[str]
    ) -> None:
        self._function = function
        self._events: Queue[tuple[bytes, float]] = Queue()
        self._results: Queue[tuple[str, bytes]] = Queue()
        self._api = _RuntimeApi(self._events, self._results)
        self._api.start()
        self._process = subprocess.Popen(  # built in this repository
            # Without `site`, the function cannot import the packages of this environment.
            [sys.executable, "-S", "-m", "awslambdaric", function.handler],
            cwd=function.code,
            env=_environ(function, runtime, environ, self._api.server_port),
            stdout=output,
            stderr=output,
        )

    @property
    def name(self) -> str:
        """The name of the function."""
        return self._function.name

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def invoke(self, event: bytes) -> bytes:
        """Return the function's response in JSON. Raises FunctionError; the environment may have ended then."""
        deadline = time.time() + self._function.timeout_s
        self._events.put((event, deadline))
        kind, answer = self._result(deadline)
        if kind == "error":
            raise FunctionError(f"{self._function.name} raised an error")
        if len(answer) > MAX_ANSWER_BYTES:
            raise FunctionError(f"{self._function.name} returned {len(answer)} bytes")
        return answer

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        self._api.shutdown()
        self._api.server_close()

    def _result(self, deadline: float) -> tuple[str, bytes]:
        while time.time() < deadline:
            try:
                return self._results.get(timeout=_POLL_S)
            except Empty:
                if not self.alive:
                    raise FunctionError(f"{self._function.name} ended") from None
        self._process.kill()
        self._process.wait()
        raise FunctionError(f"{self._function.name} took longer than {self._function.timeout_s} s")


def runtime_folder(folder: Path) -> Path:
    """Return a folder with only the bootstrap and its dependencies."""
    for distribution in _RUNTIME:
        for file in files(distribution) or ():
            top = file.parts[0]
            if not top.endswith(".dist-info") and top != "..":
                link = folder / top
                if not link.exists():
                    link.symlink_to(Path(str(file.locate())).parents[len(file.parts) - 1] / top)
    return folder


def _environ(
    function: Function, runtime: Path, environ: Mapping[str, str], runtime_port: int
) -> dict[str, str]:
    """Return the environment variables that Lambda sets, without those of this process."""
    path = [function.code, *(layer / "python" for layer in function.layers), runtime]
    return {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info.major}.{sys.version_info.minor}",
        "AWS_REGION": "eu-central-1",
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_STREAM_NAME": uuid4().hex,
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{runtime_port}",
        "LAMBDA_TASK_ROOT": str(function.code),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": ":".join(str(folder.resolve()) for folder in path),
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        **environ,
        **function.environ,
    }


class _RuntimeApi(ThreadingHTTPServer):
    """The Runtime API of one environment: serves `events` and collects `results`."""

    block_on_close = False

    def __init__(self, events: "Queue[tuple[bytes, float]]", results: "Queue[tuple[str, bytes]]") -> None:
        super().__init__(("127.0.0.1", 0), _RuntimeApiHandler)
        self.events = events
        self.results = results

    def start(self) -> None:
        """Serve in a thread until `shutdown`."""
        Thread(target=self.serve_forever, kwargs={"poll_interval": _POLL_S}, daemon=True).start()

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as the class has it
        """Print nothing if an environment is killed while it waits for an event."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _RuntimeApiHandler(BaseHTTPRequestHandler):
    server: _RuntimeApi
    protocol_version = "HTTP/1.1"
    # Send head and body in one packet; otherwise, the body waits until the head is acknowledged.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        if self.path != _NEXT:
            self.send_error(404)
            return
        event, deadline = self.server.events.get()
        headers = {
            "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": str(uuid4()),
            "Lambda-Runtime-Deadline-Ms": str(int(deadline * 1000)),
            "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-central-1:123456789012:function:loopback",
        }
        self._answer(200, event, headers)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        found = _RESULT.fullmatch(self.path)
        if found is None:
            self.send_error(404)
            return
        self._answer(202, b'{"status":"OK"}', {})
        self.server.results.put((found[1] or found[2], body))

    def _answer(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Logs no requests."""
