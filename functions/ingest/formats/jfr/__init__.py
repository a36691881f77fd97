"""JFR, as the Java agent uploads it: a recording alone, or a form of `jfr` and, where labels were set, `labels`.

A recording describes itself, so nothing here knows where a field lies: what JDK Flight Recorder, async-profiler and
others write is read by its own metadata. Read in this order:

    chunks.py       the recording's pieces, each a recording of its own
    metadata.py     the classes of events and constants, and layout.py: how their instances lie there
    numbers.py      integers, many at a time; cursor.py: anything else, one value at a time
    events.py       samples, counted; kinds.py: what they are samples of
    constants.py    names, and stacktraces.py: the stack traces
    labels.py       what samples are labelled with
    recording.py    all of these put together, and profiles.py: the pprof messages made of it
    limits.py       how much of each there may be

Format: the packages jdk.jfr.internal and jdk.jfr.internal.consumer of OpenJDK.

What a recording may cost is bounded by its length (MAX_JFR_BYTES) and by limits.py: the worst that were tried, 32 MB
long, took 310 MB of memory and five seconds of CPU.
"""

from collections.abc import Mapping
from typing import Final

from flamehouse.errors import invalid_argument
from ingest.formats import Parsed
from ingest.formats.jfr.labels import read_snapshot
from ingest.formats.jfr.recording import read_recording
from ingest.profile.incoming import IncomingProfile
from ingest.profile.series_labels import SPY_LABEL, series_labels
from ingest.request.body import WHOLE_BODY
from ingest.request.query import IngestRequest

_SECOND_NS: Final = 1_000_000_000


def parse(request: IngestRequest, parts: Mapping[str, bytes]) -> Parsed:
    """A profile for each kind of event that the recording has samples of.

    They have the time that the request says: those in a recording are of a clock of its own.
    """
    data = parts.get("jfr", parts.get(WHOLE_BODY))
    if data is None:
        raise invalid_argument("the form has no part 'jfr'")
    period_ns = _SECOND_NS // request.sample_rate if request.sample_rate else 0
    recording = read_recording(data, read_snapshot(parts.get("labels", b"")), period_ns)
    time_ns, duration_ns = _times(request)
    profiles = [
        IncomingProfile(labels=_labels(request, kind.metric, recording.sampled), pprof=pprof)
        for kind, pprof in recording.profiles.messages(time_ns=time_ns, duration_ns=duration_ns)
    ]
    return Parsed(profiles=profiles, timed=request.timed)


def _times(request: IngestRequest) -> tuple[int, int]:
    """When the profiles begin, 0 for when the upload comes in, and how long they are, 0 where that is not said."""
    start_ns, until = request.start_ns, request.until
    if not request.timed or until is None or not until.absolute:
        return start_ns, 0
    return start_ns, max(0, until.ns - start_ns)


def _labels(request: IngestRequest, metric: str, sampled: str) -> dict[str, str]:
    """The labels of a profile's series: what the agent and the recording say of themselves wins over the request's own."""
    event = {"jfr_event": sampled} if sampled else {}
    return {**series_labels(request, request.app_name, metric), SPY_LABEL: request.spy_name, **event}
