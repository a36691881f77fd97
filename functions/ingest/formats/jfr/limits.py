"""The limits of a recording, and the error for a damaged one.

A list is never longer than the rest of its event. Anything else that takes more memory or time than its encoded bytes
is counted while it is read, before memory is allocated for it.
"""

from dataclasses import dataclass, field
from typing import Final

from flamehouse.errors import RpcError, invalid_argument
from ingest.request.budget import Budget

MAX_CHUNKS: Final = 1_000
MAX_METADATA_BYTES: Final = 2 << 20
"""Per chunk; a JDK's metadata has 100 kB."""
MAX_CLASS_DEPTH: Final = 16
MAX_CLASS_FIELDS: Final = 2_000
"""Per class, with its nested classes: nesting multiplies the number of fields."""
MAX_EVENT_CLASSES: Final = 100
"""Per chunk: ten classes are read, and a JVM defines each of them once."""
MAX_SETTINGS: Final = 10_000
"""Per chunk; further settings are ignored."""
MAX_STACK_FRAMES: Final = 1 << 16
"""Per stack trace; a JVM records 2,048 at most."""
MAX_STACK_NUMBERS: Final = 1 << 20
"""Per stack trace, in all of its frames; a frame has about five numbers."""
MAX_SAMPLES: Final = 1 << 18
"""Per recording, of distinct samples."""
MAX_TEXT_BYTES: Final = 1 << 20
"""Per string that a profile uses."""
MAX_SNAPSHOT_FIELDS: Final = 1 << 19
"""Per message with labels: a parsed field takes a hundred times its encoded size."""
MAX_CONTEXT_LABELS: Final = 1_000


def damaged(reason: str) -> RpcError:
    return invalid_argument(f"the recording is damaged: {reason}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """The budgets of one recording."""

    metadata: Budget = field(default_factory=lambda: Budget(4 << 20, "bytes of metadata"))
    """Counts only chunks whose metadata differs from that of the previous chunk."""
    fields: Budget = field(default_factory=lambda: Budget(1 << 19, "fields in the classes it uses"))
    """Needed because any number of classes may contain the same large one."""
    pools: Budget = field(default_factory=lambda: Budget(1 << 19, "checkpoints and constant pools"))
    """A separate budget, as a pool without constants takes time too."""
    constants: Budget = field(default_factory=lambda: Budget(1 << 20, "constants"))
    values: Budget = field(
        default_factory=lambda: Budget(1 << 22, "values in structures with non-integer fields")
    )
    """Counts instances that have anything but compressed integers."""
    texts: Budget = field(default_factory=lambda: Budget(1 << 25, "bytes of names, counting each use"))
    """Needed because any number of constants may refer to the same long string."""
    frames: Budget = field(
        default_factory=lambda: Budget(1 << 22, "frames in the stack traces of its samples")
    )
    samples: Budget = field(default_factory=lambda: Budget(MAX_SAMPLES, "distinct samples"))
    locations: Budget = field(default_factory=lambda: Budget(1 << 18, "distinct frames"))
    names: Budget = field(default_factory=lambda: Budget(1 << 24, "characters in function names"))
    """Needed because a few long class and method names combine to many long function names."""
    labels: Budget = field(
        default_factory=lambda: Budget(1 << 24, "labels in its samples, before equal samples are summed")
    )
    parts: Budget = field(default_factory=lambda: Budget(4_000_000, "frames and labels in its samples"))
    """Needed because many samples may share a long stack or list of labels. profile/checked.py has the same limit for
    every upload."""
