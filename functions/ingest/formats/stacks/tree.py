"""Reads tree: a call tree, each node with its self value. The root has no name and is not a frame."""

from collections.abc import Mapping

from ingest.formats import Parsed
from ingest.formats.stacks.preorder import sum_by_path
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_SEPARATOR = b";"


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile. The root's value is ignored, but a root with a name is a frame."""
    stacks: dict[bytes, int] = {}
    for path, value in sum_by_path(parts.get(WHOLE_BODY, b""), _SEPARATOR).items():
        stack = path.removeprefix(_SEPARATOR)
        stacks[stack] = stacks.get(stack, 0) + value
    return upload_of_stacks(request, stacks)
