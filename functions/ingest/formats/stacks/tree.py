"""tree: a call tree, each node with the value of its own. The root has no name and stands for no frame."""

from collections.abc import Mapping

from ingest.formats import Parsed
from ingest.formats.stacks.preorder import sum_by_path
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_SEPARATOR = b";"


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """One profile. What the root itself has counts for nothing; a root that has a name is a frame all the same."""
    stacks: dict[bytes, int] = {}
    for path, value in sum_by_path(parts.get(WHOLE_BODY, b""), _SEPARATOR).items():
        stack = path.removeprefix(_SEPARATOR)
        stacks[stack] = stacks.get(stack, 0) + value
    return upload_of_stacks(request, stacks)
