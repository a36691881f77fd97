"""The limits of a recording, and the error for a damaged one.

A list is never longer than the rest of its event. Beyond that, whatever takes more memory or time than its encoded
bytes is counted while it is read, before anything is allocated for it.
"""

from dataclasses import dataclass, field
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.request.budget import Budget

MAX_CHUNKS: Final = 1_000
MAX_METADATA_BYTES: Final = 2 << 20
"""Of a chunk; a JDK's has 100 kB."""
MAX_CLASS_DEPTH: Final = 16
MAX_CLASS_FIELDS: Final = 2_000
"""Of a class with its nested classes: nesting multiplies the number of fields."""
MAX_EVENT_CLASSES: Final = 100
"""Of a chunk: ten classes are read, and a JVM defines each of them once."""
MAX_SETTINGS: Final = 10_000
"""Of a chunk; further ones are ignored."""
MAX_STACK_FRAMES: Final = 1 << 16
"""Of a stack trace; a JVM records 2,048 at most."""
MAX_STACK_NUMBERS: Final = 1 << 20
"""In the frames of a stack trace, each of which has about five."""
MAX_SAMPLES: Final = 1 << 18
"""Distinct samples."""
MAX_TEXT_BYTES: Final = 1 << 20
"""Of a string that a profile uses."""
MAX_SNAPSHOT_FIELDS: Final = 1 << 19
"""Of the message with the labels: a parsed field takes a hundred times its encoded size."""
MAX_CONTEXT_LABELS: Final = 1_000


def damaged(reason: str) -> RpcError:
    return invalid_argument(f"the recording is damaged: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The budgets of one recording."""

    metadata: Budget = field(default_factory=lambda: Budget(4 << 20, "bytes of metadata"))
    """Of chunks whose metadata differs from that of the previous chunk."""
    fields: Budget = field(default_factory=lambda: Budget(1 << 19, "fields in the classes that it uses"))
    """Any number of classes may contain the same large one."""
    pools: Budget = field(default_factory=lambda: Budget(1 << 19, "checkpoints and pools of constants"))
    """A constant without fields takes time too."""
    constants: Budget = field(default_factory=lambda: Budget(1 << 20, "constants"))
    values: Budget = field(default_factory=lambda: Budget(1 << 22, "values that are read one at a time"))
    """For instances with anything but compressed integers."""
    texts: Budget = field(default_factory=lambda: Budget(1 << 25, "bytes of names, counted at each use"))
    """Any number of constants may refer to the same long string."""
    frames: Budget = field(
        default_factory=lambda: Budget(1 << 22, "frames in the stack traces of its samples")
    )
    samples: Budget = field(default_factory=lambda: Budget(MAX_SAMPLES, "distinct samples"))
    locations: Budget = field(default_factory=lambda: Budget(1 << 18, "distinct frames"))
    names: Budget = field(default_factory=lambda: Budget(1 << 24, "characters in the names of functions"))
    """A few long class and method names combine to many long function names."""
    labels: Budget = field(
        default_factory=lambda: Budget(1 << 24, "labels in its samples, before equal ones are summed")
    )
    parts: Budget = field(default_factory=lambda: Budget(4_000_000, "frames and labels in its samples"))
    """Many samples may share a long stack, or a long list of labels. pipeline.py has the same limit for every upload.
    """
