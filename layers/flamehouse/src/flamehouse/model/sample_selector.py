"""Which samples of the selected series a query counts."""

from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True, kw_only=True)
class FrameFilter:
    """Selects stacks by the names of their frames.

    A stack matches if it has a frame for each of `include` and each of `include_regexes`, and no frame that is in
    `exclude` or matches one of `exclude_regexes`. The regular expressions are RE2's and match anywhere in a name.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    include_regexes: tuple[str, ...] = ()
    exclude_regexes: tuple[str, ...] = ()


EVERY_FRAME = FrameFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleSelector:
    """Which samples of the selected series count; an empty field does not restrict them.

    A sample must have one of `profile_ids`, one of `span_ids` and one of `trace_ids` (16 bytes each). Its stack must
    begin with `call_site` (names of functions, root first) and match `frames`.
    """

    profile_ids: tuple[UUID, ...] = ()
    span_ids: tuple[int, ...] = ()
    trace_ids: tuple[bytes, ...] = ()
    call_site: tuple[str, ...] = ()
    frames: FrameFilter = EVERY_FRAME


EVERY_SAMPLE = SampleSelector()
