"""The resident memory of the functions' processes."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from tools.gateway.lambda_service import LambdaService


def memory_mb(functions: LambdaService) -> Mapping[tuple[str, int], int]:
    """Returns the memory in MB of each running process, by function and process id."""
    found: dict[tuple[str, int], int] = {}
    for pid, name in functions.processes().items():
        with suppress(OSError, StopIteration):  # it has ended meanwhile
            lines = Path(f"/proc/{pid}/status").read_text().splitlines()
            found[name, pid] = int(next(line for line in lines if line.startswith("VmRSS:")).split()[1]) >> 10
    return found
