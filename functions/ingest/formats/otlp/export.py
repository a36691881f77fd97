"""Opens an export request of any layout: its tables, the labels of its resources and scopes, and its profiles."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from google.protobuf.message import Message
from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.profiles.v1development import profiles_pb2 as otlp
from opentelemetry.proto.resource.v1.resource_pb2 import Resource

from flamehouse.label_rules import dropped_labels
from flamehouse.settings import Settings
from flamehouse.web.codec import PROTO
from ingest.formats.otlp.attributes import labels_of
from ingest.formats.otlp.conversion import Profile
from ingest.formats.otlp.dictionary import Dictionary
from ingest.formats.otlp.layouts import V15, V17, V18, Request
from ingest.formats.otlp.ranges import tables_of, upgraded

_OF_RANGES: Final = (V15, V17)


class Export:
    """An open request. Every method raises RpcError(INVALID_ARGUMENT) for unreadable data."""

    def __init__(self, request: Request, settings: Settings) -> None:
        self._layout = request.layout
        self._depth = settings.max_stack_depth
        self.samples_of = request.layout.samples_of
        self._dropped = dropped_labels(settings.label_rules)
        self._dictionary = self._opened_tables(_tables(request))

    def labels_of_resource(self, resource: Any) -> dict[str, str]:  # noqa: ANN401  # a message of any layout
        return labels_of(_attributes(resource.resource, Resource), self._dictionary.text, self._dropped)

    def labels_of_scope(self, scope: Any) -> dict[str, str]:  # noqa: ANN401
        return labels_of(_attributes(scope.scope, InstrumentationScope), self._dictionary.text, self._dropped)

    def opened(self, profile: Any) -> Iterator[tuple[Profile, Dictionary]]:  # noqa: ANN401
        """Yields the profile once for each sample type, with the tables that it refers to."""
        if self._layout not in _OF_RANGES:
            yield profile, self._dictionary
            return
        dictionary = self._dictionary
        if self._layout is V15:
            dictionary = self._opened_tables(tables_of(profile))
        yield from ((each, dictionary) for each in upgraded(profile, dictionary))

    def _opened_tables(self, message: otlp.ProfilesDictionary) -> Dictionary:
        return Dictionary(message, self._depth, self._dropped)


def _tables(request: Request) -> otlp.ProfilesDictionary:
    """Returns the tables of the request."""
    if request.layout is V15:
        return otlp.ProfilesDictionary()
    dictionary = request.message.dictionary
    if request.layout is V17:
        return tables_of(dictionary)
    return PROTO.decode(dictionary, otlp.ProfilesDictionary) if request.layout is V18 else dictionary


def _attributes(holder: Message | bytes, type_: type[Resource | InstrumentationScope]) -> Iterable[KeyValue]:
    message: Any = PROTO.decode(holder, type_) if isinstance(holder, bytes) else holder
    attributes: Sequence[KeyValue] = message.attributes
    return attributes
