"""Reads JFR uploads of the Java agent: a recording, or a form of `jfr` and, if labels are set, `labels`.

A recording describes itself: its metadata says where each field lies. So it does not matter whether JDK Flight
Recorder, async-profiler or another tool wrote it. Read the modules in this order:

    chunks.py       the chunks of a recording, each a complete recording
    metadata.py     the classes of events and constants; layout.py: how instances are encoded
    numbers.py      integers, many at a time; cursor.py: all other values, one at a time
    events.py       counted samples; kinds.py: which profile an event belongs to
    constants.py    names; stacktraces.py: the stack traces
    labels.py       the labels of samples
    recording.py    combines all of these; profiles.py: the resulting pprof messages
    limits.py       the maximum of each

Format: the packages jdk.jfr.internal and jdk.jfr.internal.consumer of OpenJDK.

Only this module uses the request. MAX_JFR_BYTES and limits.py bound the cost of a recording: the worst ones tested,
of 32 MB, took 310 MB of memory and five seconds of CPU.
"""

from collections.abc import Mapping

from flamehouse.errors import invalid_argument
from flamehouse.units import NS_PER_S
from ingest.formats import Parsed
from ingest.formats.jfr.labels import read_snapshot
from ingest.formats.jfr.recording import read_recording
from ingest.profile.incoming import IncomingProfile
from ingest.profile.series_labels import SPY_LABEL, series_labels
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """Returns a profile for each kind of event that has samples in the recording.

    The profiles have the request's time, because times in a recording are of another clock.
    """
    data = parts.get("jfr", parts.get(WHOLE_BODY))
    if data is None:
        raise invalid_argument("missing form part 'jfr'")
    period_ns = NS_PER_S // request.sample_rate if request.sample_rate else 0
    recording = read_recording(data, read_snapshot(parts.get("labels", b"")), period_ns)
    time_ns, duration_ns = _times(request)
    profiles = [
        IncomingProfile(labels=_labels(request, kind.metric, recording.sampled), pprof=pprof)
        for kind, pprof in recording.profiles.messages(time_ns=time_ns, duration_ns=duration_ns)
    ]
    return Parsed(profiles=profiles, timed=request.timed)


def _times(request: IngestRequest) -> tuple[int, int]:
    """Returns the start of the profiles (0: the time of receipt) and their duration (0: unknown), in nanoseconds."""
    start_ns, until = request.start_ns, request.until
    if not request.timed or until is None or not until.absolute:
        return start_ns, 0
    return start_ns, max(0, until.ns - start_ns)


def _labels(request: IngestRequest, metric: str, sampled: str) -> dict[str, str]:
    """Returns the labels of a profile's series; labels from the agent and the recording override the request's."""
    event = {"jfr_event": sampled} if sampled else {}
    return {**series_labels(request, request.app_name, metric), SPY_LABEL: request.spy_name, **event}
