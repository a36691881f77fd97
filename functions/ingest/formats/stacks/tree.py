"""Reads tree: a call tree whose nodes have self values. The root usually has no name and is not a frame."""

from collections.abc import Mapping

from ingest.formats import Parsed
from ingest.formats.stacks.preorder import sum_by_path
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_SEPARATOR = b";"


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile. The value of a root without a name is ignored; a root with a name is a frame."""
    stacks: dict[bytes, int] = {}
    for path, value in sum_by_path(parts.get(WHOLE_BODY, b""), _SEPARATOR).items():
        stack = path.removeprefix(_SEPARATOR)
        stacks[stack] = stacks.get(stack, 0) + value
    return upload_of_stacks(request, stacks)
