"""Reads trie: stacks written `root;child;leaf` as a prefix tree, sent by old agents.

A node's name extends its parent's at any character: `main;wo` may have a child `rk`.
"""

from collections.abc import Mapping

from ingest.formats import Parsed
from ingest.formats.stacks.preorder import sum_by_path
from ingest.formats.stacks.stack_profile import upload_of_stacks
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns one profile."""
    return upload_of_stacks(request, sum_by_path(parts.get(WHOLE_BODY, b""), b""))
