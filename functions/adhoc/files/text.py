"""Files of text: collapsed stacks, and what `perf script` prints.

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
    """A stack a line, `root;child;leaf`, and behind the last space how often it was met.

    RpcError invalid_argument for a line that is none, and other than in an upload to /ingest for a negative number.
    """
    counts = sum_by_stack(data, negative=False)
    stacks = [(frames_of(stack)[: settings.max_stack_depth], count) for stack, count in counts.items()]
    return file_of_stacks(_shown(name), stacks)


def read_perf_script(data: bytes, name: str, settings: Settings) -> ProfileFile:
    """Events with a stack each, which count once; the command is the root. Raises RpcError as `perf_stacks`."""
    stacks = [(names[: settings.max_stack_depth], count) for names, count in perf_stacks(data)]
    return file_of_stacks(_shown(name), stacks)


def _shown(name: str) -> Shown:
    """Text says nothing of its sample type: it is called as the file, and what it counts has no unit."""
    return Shown(name=name, units="", spy_name=_SPY)
