"""Lambda: starts an environment of a function if none is idle, and reuses it for later invocations."""

from collections.abc import Mapping
from pathlib import Path
from threading import BoundedSemaphore, Lock
from typing import IO, Final

from tools.gateway.deployment import Deployment, Function
from tools.gateway.environment import Environment, FunctionError, runtime_folder

_CONCURRENCY: Final = 8
"""The number of concurrent invocations; AWS has more processors."""


class LambdaService:
    """Invokes the functions of a deployment; thread-safe.

    The output of each function goes to `NAME.log` in `folder`; `environ` is added to their environment variables.
    """

    def __init__(self, deployment: Deployment, environ: Mapping[str, str], folder: Path) -> None:
        self._deployment = deployment
        self._environ = environ
        self._folder = folder
        runtime = folder / "runtime"
        runtime.mkdir()
        self._runtime = runtime_folder(runtime)
        self._idle: dict[str, list[Environment]] = {}
        self._running: list[Environment] = []
        self._outputs: dict[str, IO[str]] = {}
        self._lock = Lock()
        self._room = BoundedSemaphore(_CONCURRENCY)

    def invoke(self, name: str, event: bytes) -> bytes:
        """Return the response of function `name` to an event, both in JSON. Raises FunctionError if it fails."""
        with self._room:
            environment = self._take(self._deployment.functions[name])
            try:
                return environment.invoke(event)
            finally:
                self._give_back(name, environment)

    def printed(self) -> str:
        """Return the output of all functions."""
        return "".join(file.read_text() for file in sorted(self._folder.glob("*.log")))

    def processes(self) -> dict[int, str]:
        """Return the function names of the running environments, by process id."""
        with self._lock:
            return {each.pid: each.name for each in self._running if each.alive}

    def restart(self) -> None:
        """End all idle environments, so that the next invocations are cold starts."""
        with self._lock:
            environments = [each for idle in self._idle.values() for each in idle]
            self._idle.clear()
        for environment in environments:
            self._end(environment)

    def close(self) -> None:
        self.restart()
        for output in self._outputs.values():
            output.close()

    def _take(self, function: Function) -> Environment:
        with self._lock:
            idle = self._idle.get(function.name)
            if idle:
                return idle.pop()
            if function.name not in self._outputs:
                self._outputs[function.name] = (self._folder / f"{function.name}.log").open("a")
            output = self._outputs[function.name]
        environment = Environment(function, self._runtime, self._environ, output)
        with self._lock:
            self._running.append(environment)
        return environment

    def _give_back(self, name: str, environment: Environment) -> None:
        if environment.alive:
            with self._lock:
                self._idle.setdefault(name, []).append(environment)
        else:
            self._end(environment)

    def _end(self, environment: Environment) -> None:
        environment.close()
        with self._lock:
            self._running.remove(environment)


__all__ = ["FunctionError", "LambdaService"]
