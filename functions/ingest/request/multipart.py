"""Reads multipart/form-data: the parts of a form by name.

Format: RFC 7578, on top of RFC 2046.
"""

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from flamehouse.errors import RpcError, invalid_argument

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

_MEDIA_TYPE: Final = "multipart/form-data"
_MAX_PARTS: Final = 32
_MAX_SHOWN: Final = 40


def is_multipart(content_type: str) -> bool:
    return _MEDIA_TYPE in content_type.lower()


def split_multipart(body: bytes, content_type: str, wanted: Collection[str]) -> dict[str, bytes]:
    """Returns the form's parts with names in `wanted`, whether files or plain fields. Of equal names, the first counts.

    Raises RpcError(INVALID_ARGUMENT) for a form that is damaged, truncated, has more than 32 parts or no wanted part.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary", b"")
    if not boundary:
        raise _malformed("no multipart boundary in Content-Type")
    form = _Form(wanted)
    try:
        parser = MultipartParser(boundary, form.callbacks())
        parser.write(body)
        parser.finalize()
    except FormParserError as error:
        raise _malformed(str(error)) from error
    if not form.complete:
        raise _malformed("the form ends before its last boundary")
    if not form.parts:
        raise _no_wanted_part(wanted, form.other_names)
    return form.parts


class _Form:
    """Receives the parser's events, and collects the wanted parts."""

    def __init__(self, wanted: Collection[str]) -> None:
        self.parts: dict[str, bytes] = {}
        self.other_names: list[str] = []
        self._wanted = wanted
        self.complete = False
        self._count = 0
        self._name = ""
        self._header = b""
        self._value = b""
        self._data: list[bytes] = []

    def callbacks(self) -> "MultipartCallbacks":
        return {
            "on_part_begin": self._part_begin,
            "on_header_field": self._header_field,
            "on_header_value": self._header_value,
            "on_header_end": self._header_end,
            "on_part_data": self._part_data,
            "on_part_end": self._part_end,
            "on_end": self._end,
        }

    def _part_begin(self) -> None:
        self._count += 1
        if self._count > _MAX_PARTS:
            raise _malformed(f"the form has more than {_MAX_PARTS} parts")
        self._name = ""
        self._data = []

    def _header_field(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header_end(self) -> None:
        if self._header.lower() == b"content-disposition":
            options = parse_options_header(self._value.decode("latin-1"))[1]
            self._name = options.get(b"name", b"").decode("latin-1")
        self._header = self._value = b""

    def _part_data(self, data: bytes, start: int, end: int) -> None:
        if self._collects:
            self._data.append(data[start:end])

    def _part_end(self) -> None:
        if self._collects:
            self.parts[self._name] = b"".join(self._data)
        elif self._name not in self.parts:
            self.other_names.append(self._name)

    def _end(self) -> None:
        self.complete = True

    @property
    def _collects(self) -> bool:
        return self._name in self._wanted and self._name not in self.parts


def _no_wanted_part(wanted: Collection[str], found: Collection[str]) -> RpcError:
    names = ", ".join(repr(name[:_MAX_SHOWN]) for name in found)
    return invalid_argument(
        f"missing form part '{next(iter(wanted))}'" + (f", found only {names}" if names else "")
    )


def _malformed(reason: str) -> RpcError:
    return invalid_argument(f"malformed multipart form: {reason}")
