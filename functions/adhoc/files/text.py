"""Reads text files: collapsed stacks and the output of `perf script`.

Collapsed: ingest/formats/stacks/folded.py. perf script: ingest/formats/stacks/perf_script.py.
"""

from typing import Final

from adhoc.files.profile_file import ProfileFile, file_of_stacks
from flamehouse.render.flamebearer import Shown
from flamehouse.settings import Settings
from ingest.formats.stacks.folded import sum_by_stack
from ingest.formats.stacks.perf_script import perf_stacks
from ingest.formats.stacks.stack_profile import frames_of

_SPY: Final = "unknown"


def read_collapsed(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Read one stack per line, `root;child;leaf`, with its count after the last space.

    Raises RpcError(INVALID_ARGUMENT) for an invalid line and, unlike an upload to /ingest, for a negative count.
    """
    counts = sum_by_stack(data, negative=False)
    stacks = [(frames_of(stack)[: settings.max_stack_depth], count) for stack, count in counts.items()]
    return file_of_stacks(_shown(name), stacks)


def read_perf_script(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Read events, each counting its stack once, with the command as root. Raises RpcError as `perf_stacks` does."""
    stacks = [(names[: settings.max_stack_depth], count) for names, count in perf_stacks(data)]
    return file_of_stacks(_shown(name), stacks)


def _shown(name: str) -> Shown:
    """Return the file. Text has no sample type, so the type gets the name of the file, and its counts have no unit."""
    return Shown(name=name, units="", spy_name=_SPY)
