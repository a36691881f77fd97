"""Reads lines: a stack per line, written `root;child;leaf`, with a line for each sample."""

from collections import Counter
from collections.abc import Mapping

from ingest.formats import Parsed
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.formats.stacks.text_lines import is_comment, split_lines
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile. Empty lines and comments are skipped."""
    counts = Counter(split_lines(parts.get(WHOLE_BODY, b"")))
    return upload_of_stacks(request, {line: count for line, count in counts.items() if not is_comment(line)})
