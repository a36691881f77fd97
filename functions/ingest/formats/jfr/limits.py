"""What a recording must not be: damaged, or of more parts than there is room for.

A list is never longer than what is left of the event that it is in. Beyond that, what takes more memory or time than the
bytes that it is written in is counted as it comes, before anything is made of it.
"""

from dataclasses import dataclass, field
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.request.budget import Room

MAX_CHUNKS: Final = 1_000
MAX_METADATA_BYTES: Final = 2 << 20
"""Of a chunk; a JDK's has 100 kB."""
MAX_CLASS_DEPTH: Final = 16
MAX_CLASS_FIELDS: Final = 2_000
"""Of a class and the classes within it: each many times over, they would make any number of fields."""
MAX_EVENT_CLASSES: Final = 100
"""Of a chunk, whose events are read: ten are, and a JVM has each of them once."""
MAX_SETTINGS: Final = 10_000
"""Of a chunk; what comes after them is not looked at."""
MAX_STACK_FRAMES: Final = 1 << 16
"""Of a stack trace; a JVM records 2,048 at most."""
MAX_STACK_NUMBERS: Final = 1 << 20
"""In the frames of a stack trace, each of which has five or so."""
MAX_SAMPLES: Final = 1 << 18
"""Distinct ones."""
MAX_TEXT_BYTES: Final = 1 << 20
"""Of a string that is needed."""
MAX_SNAPSHOT_FIELDS: Final = 1 << 19
"""Of the message with the labels: a field takes memory a hundred times what it takes in a message."""
MAX_CONTEXT_LABELS: Final = 1_000


def damaged(reason: str) -> RpcError:
    return invalid_argument(f"the recording is damaged: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rooms:
    """The rooms of one recording."""

    metadata: Room = field(default_factory=lambda: Room(4 << 20, "bytes of metadata"))
    """Of chunks whose metadata is not that of the chunk before."""
    fields: Room = field(default_factory=lambda: Room(1 << 19, "fields in the classes that it uses"))
    """Any number of classes may hold the same large one."""
    pools: Room = field(default_factory=lambda: Room(1 << 19, "checkpoints and pools of constants"))
    """One of nothing takes time all the same."""
    constants: Room = field(default_factory=lambda: Room(1 << 20, "constants"))
    values: Room = field(default_factory=lambda: Room(1 << 22, "values that are read one at a time"))
    """Where an instance has anything but compressed integers."""
    texts: Room = field(default_factory=lambda: Room(1 << 25, "bytes of names, counted at each use"))
    """Any number of constants may stand for the same long string."""
    frames: Room = field(default_factory=lambda: Room(1 << 22, "frames in the stack traces of its samples"))
    samples: Room = field(default_factory=lambda: Room(MAX_SAMPLES, "distinct samples"))
    locations: Room = field(default_factory=lambda: Room(1 << 18, "distinct frames"))
    names: Room = field(default_factory=lambda: Room(1 << 24, "characters in the names of functions"))
    """A few long classes and methods make many long names."""
    labels: Room = field(
        default_factory=lambda: Room(1 << 24, "labels in its samples, before equal ones are summed")
    )
    parts: Room = field(default_factory=lambda: Room(4_000_000, "frames and labels in its samples"))
    """Many samples may share a long stack, or a long list of labels. No upload may have more (pipeline.py)."""
