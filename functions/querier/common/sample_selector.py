"""Reads the sample selectors of stack queries from requests: by profile, span, trace and call site."""

import re
from collections.abc import Iterable, Sequence
from typing import Final
from uuid import UUID

from flamehouse.errors import invalid_argument
from flamehouse.model.regexp_size import check_regexp_size
from flamehouse.model.sample_selector import EVERY_FRAME, FrameFilter, SampleSelector
from flamehouse.pb.querier_pb2 import SelectMergeStacktracesRequest
from flamehouse.pb.types_pb2 import StackFrameFilter, StackTraceSelector
from querier.common.rpc import unsupported

_MAX_IDS: Final = 1_000
_MAX_CALL_SITE: Final = 4_000
"""The depth limit of stored stacks."""
_MAX_FRAME_NAMES: Final = 1_000
_MAX_FRAME_REGEXES: Final = 20
_MAX_REGEX_CHARS: Final = 1_000
_MAX_REGEX_SIZE: Final = 4_096
"""The limit for all regular expressions together; matching a name of 65,535 bytes then takes a few seconds at most."""
_SPAN_ID_CHARS: Final = 16
_TRACE_ID_CHARS: Final = 32
_UUID: Final = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def sample_selector(
    *,
    profile_ids: Sequence[str] = (),
    span_ids: Sequence[str] = (),
    trace_ids: Sequence[str] = (),
    stack_trace_selector: StackTraceSelector | None = None,
) -> SampleSelector:
    """Builds the selector.

    Raises RpcError(INVALID_ARGUMENT) for invalid ids, too many ids, and spans combined with traces.

    `stack_trace_selector.go_pgo` does not select samples and is ignored here.
    """
    if span_ids and trace_ids:
        raise invalid_argument("span_selector and trace_id_selector cannot be combined")
    _check_count("ids", max(len(profile_ids), len(span_ids), len(trace_ids)), _MAX_IDS)
    call_site = stack_trace_selector.call_site if stack_trace_selector else ()
    _check_count("functions of a call site", len(call_site), _MAX_CALL_SITE)
    return SampleSelector(
        profile_ids=tuple(dict.fromkeys(map(_profile_id, profile_ids))),
        span_ids=tuple(int.from_bytes(id_) for id_ in _hex_ids("span", span_ids, _SPAN_ID_CHARS)),
        trace_ids=tuple(_hex_ids("trace", trace_ids, _TRACE_ID_CHARS)),
        call_site=tuple(location.name for location in call_site),
        frames=_frame_filter(stack_trace_selector.frame_filter) if stack_trace_selector else EVERY_FRAME,
    )


def reject_go_pgo(selector: StackTraceSelector) -> None:
    """Raises RpcError(UNIMPLEMENTED) if the selector has `go_pgo` but the response is not a pprof."""
    if selector.go_pgo.ByteSize():
        raise unsupported("go_pgo applies to profiles only: remove it, or request PROFILE_FORMAT_PPROF")


def drawn_samples(request: SelectMergeStacktracesRequest) -> SampleSelector:
    """Builds the selector of a request for a graph. Raises as `reject_go_pgo` and `sample_selector`."""
    reject_go_pgo(request.stack_trace_selector)
    return selected_samples(request)


def selected_samples(request: SelectMergeStacktracesRequest) -> SampleSelector:
    """Builds the selector of a request."""
    return sample_selector(
        profile_ids=request.profile_id_selector,
        span_ids=request.span_selector,
        trace_ids=request.trace_id_selector,
        stack_trace_selector=request.stack_trace_selector,
    )


def _frame_filter(message: StackFrameFilter) -> FrameFilter:
    frames = FrameFilter(
        include=tuple(dict.fromkeys(message.include_function_names)),
        exclude=tuple(dict.fromkeys(message.exclude_function_names)),
        include_regexes=tuple(dict.fromkeys(message.include_function_name_regexes)),
        exclude_regexes=tuple(dict.fromkeys(message.exclude_function_name_regexes)),
    )
    _check_count("names in a frame filter", len(frames.include) + len(frames.exclude), _MAX_FRAME_NAMES)
    regexes = frames.include_regexes + frames.exclude_regexes
    _check_count("regular expressions in a frame filter", len(regexes), _MAX_FRAME_REGEXES)
    longest = max(map(len, regexes), default=0)
    if longest > _MAX_REGEX_CHARS:
        raise invalid_argument(
            f"a regular expression in a frame filter has {longest} characters: use at most {_MAX_REGEX_CHARS}"
        )
    check_regexp_size(regexes, _MAX_REGEX_SIZE)
    return frames


def _check_count(what: str, count: int, limit: int) -> None:
    if count > limit:
        raise invalid_argument(f"the query has {count} {what}: use at most {limit}")


def _profile_id(text: str) -> UUID:
    if not _UUID.fullmatch(text):
        raise invalid_argument(f'invalid profile id: "{text}" is not a UUID')
    return UUID(text)


def _hex_ids(kind: str, texts: Sequence[str], length: int) -> Iterable[bytes]:
    for text in dict.fromkeys(texts):
        if len(text) != length:
            raise invalid_argument(f'invalid {kind} id length: "{text}"')
        try:
            id_ = bytes.fromhex(text)
        except ValueError:
            id_ = b""
        # `fromhex` skips spaces.
        if 2 * len(id_) != length:
            raise invalid_argument(f'invalid {kind} id: "{text}" is not hexadecimal')
        yield id_
