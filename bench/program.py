"""Generates programs: their functions, and the stacks that a profiler would find. A seed determines both.

A program is a random call graph in which each function has several call sites. Its stacks resemble those of real
programs: a new stack branches off an earlier one a few frames above the leaf, so that stacks share long prefixes, and
two stacks in five repeat an earlier one on another line of its leaf function.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

OWN_FUNCTIONS = 1_500
LIBRARY_FUNCTIONS = 500
CALL_SITES = 6
BODY_LINES = 6
LINES = CALL_SITES + BODY_LINES
FIRST_FRAMES = 6
"""The library frames at the root of every stack: the runtime's and the web server's."""

SEED_STACKS = 16
NEW_FRAMES_MEAN = 5
SAME_STACK_OTHER_LINE = 0.4
OWN_CALLS_OWN = 0.9

_NOUNS = (
    "cart order price stock user token mail route page image video search index queue event audit invoice"
    " ledger quota shard cache block chunk field frame batch stream cursor schema policy"
)
_VERBS = "get put list scan merge encode decode parse apply resolve flush commit validate render hash"
_LIBRARIES = (
    "net/http encoding/json database/sql compress/gzip crypto/tls runtime bufio strings"
    " google.golang.org/grpc/internal/transport github.com/jackc/pgx/v5 github.com/klauspost/compress/zstd"
    " github.com/prometheus/client_golang/prometheus"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """A function, as in pprof."""

    name: str
    file: str
    start_line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """Functions, frames (a line of a function) and distinct stacks of frames.

    frame_function  function index per frame
    frame_line      line number per frame
    stacks          frame indexes, root first, one stack per row, -1 after its last frame
    depths          frames per stack
    """

    functions: tuple[Function, ...]
    frame_function: NDArray[np.int64]
    frame_line: NDArray[np.int64]
    stacks: NDArray[np.int64]
    depths: NDArray[np.int64]


def make_program(name: str, seed: int, *, stacks: int, shallowest: int, deepest: int) -> Program:
    """Return the program called `name`; all programs share the library functions, and so the first frames."""
    functions = tuple(_library_function(i) for i in range(LIBRARY_FUNCTIONS)) + tuple(
        _own_function(name, i) for i in range(OWN_FUNCTIONS)
    )
    rng = np.random.default_rng(seed)
    table, depths = _Grower(_call_graph(rng), rng, shallowest, deepest).grow(stacks)
    used, packed = np.unique(table, return_inverse=True)
    frames = used[used >= 0]
    packed = packed.reshape(table.shape) - (len(used) - len(frames))
    starts = np.array([function.start_line for function in functions])
    owner, line = np.divmod(frames, LINES)
    return Program(
        functions=functions,
        frame_function=owner,
        frame_line=starts[owner] + 3 * line + 1,
        stacks=packed,
        depths=depths,
    )


def _own_function(service: str, i: int) -> Function:
    package, noun, verb = _word(_NOUNS, i % 7), _word(_NOUNS, i // 7), _word(_VERBS, i // 31)
    path = f"github.com/acme/{service}/internal/{package}"
    return Function(
        name=f"{path}.(*{noun.capitalize()}Service).{verb.capitalize()}{package.capitalize()}{i}",
        file=f"/go/src/{path}/{noun}_service.go",
        start_line=10 + 40 * (i // 211),
    )


def _library_function(i: int) -> Function:
    package, noun, verb = _word(_LIBRARIES, i), _word(_NOUNS, i // 12), _word(_VERBS, i)
    return Function(
        name=f"{package}.(*{noun}).{verb}{i}",
        file=f"/usr/local/go/src/{package}/{noun}.go",
        start_line=20 + 50 * (i // 211),
    )


def _word(words: str, i: int) -> str:
    choices = words.split()
    return choices[i % len(choices)]


def _call_graph(rng: np.random.Generator) -> NDArray[np.int64]:
    """Return the callee of each call site of each function. Library functions call only library functions."""
    functions = LIBRARY_FUNCTIONS + OWN_FUNCTIONS
    library = rng.integers(0, LIBRARY_FUNCTIONS, (functions, CALL_SITES))
    own = rng.integers(LIBRARY_FUNCTIONS, functions, (functions, CALL_SITES))
    calls_own = rng.random((functions, CALL_SITES)) < OWN_CALLS_OWN
    calls_own[:LIBRARY_FUNCTIONS] = False
    return np.where(calls_own, own, library)


class _Grower:
    """Generates the distinct stacks of a program one by one. A frame here is function * LINES + line."""

    def __init__(
        self, calls: NDArray[np.int64], rng: np.random.Generator, shallowest: int, deepest: int
    ) -> None:
        self._calls = calls
        self._rng = rng
        self._shallowest = shallowest
        self._deepest = deepest

    def grow(self, count: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        table = np.full((count, self._deepest), -1, dtype=np.int64)
        depths = np.zeros(count, dtype=np.int64)
        seen: set[bytes] = set()
        for i in range(count):
            while True:
                row, depth = self._seed() if i < SEED_STACKS else self._branch(table[:i], depths[:i])
                if (key := row.tobytes()) not in seen:
                    break
            seen.add(key)
            table[i], depths[i] = row, depth
        return table, depths

    def _seed(self) -> tuple[NDArray[np.int64], int]:
        row = np.full(self._deepest, -1, dtype=np.int64)
        row[:FIRST_FRAMES] = np.arange(FIRST_FRAMES) * LINES
        entry = int(self._rng.integers(LIBRARY_FUNCTIONS, LIBRARY_FUNCTIONS + OWN_FUNCTIONS))
        self._walk(row, entry, FIRST_FRAMES, self._deepest)
        return row, self._deepest

    def _branch(self, earlier: NDArray[np.int64], depths: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """Return a branch of an earlier stack, or an earlier stack on another line of its leaf function."""
        if self._rng.random() < SAME_STACK_OTHER_LINE:
            parent = int(self._rng.integers(len(earlier)))
            row, depth = earlier[parent].copy(), int(depths[parent])
            row[depth - 1] = row[depth - 1] // LINES * LINES + self._body_line()
            return row, depth
        depth = int(self._rng.integers(self._shallowest, self._deepest + 1))
        shared = max(FIRST_FRAMES, depth - int(self._rng.geometric(1 / NEW_FRAMES_MEAN)))
        deep_enough = np.flatnonzero(depths > shared)
        row = earlier[int(self._rng.choice(deep_enough))].copy()
        self._walk(row, int(row[shared]) // LINES, shared, depth)
        row[depth:] = -1
        return row, depth

    def _walk(self, row: NDArray[np.int64], function: int, start: int, end: int) -> None:
        """Fill row[start:end] with a chain of calls from `function`; the last frame is on a line that makes no call."""
        for position, site in enumerate(_skewed(self._rng.random(end - start - 1)), start):
            row[position] = function * LINES + site
            function = int(self._calls[function, site])
        row[end - 1] = function * LINES + self._body_line()

    def _body_line(self) -> int:
        return CALL_SITES + int(self._rng.integers(BODY_LINES))


def _skewed(uniform: NDArray[np.float64]) -> list[int]:
    """Draw call sites; the first ones are far more likely than the last."""
    return [int(site) for site in CALL_SITES * uniform**2]
