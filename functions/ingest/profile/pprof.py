"""Reads pprof messages from bytes.

Format: github.com/google/pprof, proto/profile.proto.
"""

from functools import cache
from typing import Any, Final, cast

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError

from flamehouse.errors import RpcError, invalid_argument
from flamehouse.pb import profile_pb2
from flamehouse.pb.profile_columns_pb2 import EncodedProfile
from ingest.profile import vectors_used
from ingest.profile.columns import ColumnarProfile, vector_columns
from ingest.profile.incoming import IncomingProfile

_MAX_STRING_BYTES: Final = 65_535
_LONGEST_CHAR_BYTES: Final = 4


def read_pprof(data: bytes, labels: dict[str, str]) -> IncomingProfile:
    """Read a pprof that is stored as sent, into columns if possible. Raises the errors of `decode_pprof`."""
    return _read_columnar(data, labels) or IncomingProfile(labels=labels, pprof=decode_pprof(data))


def decode_pprof(data: bytes) -> profile_pb2.Profile:
    """Parse the message. A time before 1970 and a negative duration are ignored; a long text loses its beginning.

    Raises RpcError(INVALID_ARGUMENT) for an invalid pprof, and for text that is not UTF-8.
    """
    try:
        profile = profile_pb2.Profile.FromString(data)
    except DecodeError as error:
        raise _undecodable(data, error) from error
    _tidy(profile)
    return profile


def _read_columnar(data: bytes, labels: dict[str, str]) -> ColumnarProfile | None:
    """Return the profile with its columns; None for an invalid message or one that NumPy does not read."""
    if not vectors_used.reads(len(data)):
        return None
    try:
        profile = EncodedProfile.FromString(data)
    except DecodeError:
        return None
    columns = vector_columns(profile)
    if columns is None:
        return None
    for name in ("sample", "location", "function"):
        profile.ClearField(name)
    # The message has all other fields of a Profile.
    pprof = cast("profile_pb2.Profile", profile)
    _tidy(pprof)
    return ColumnarProfile(labels=labels, pprof=pprof, columns=columns)


def _tidy(profile: profile_pb2.Profile) -> None:
    profile.time_nanos = max(profile.time_nanos, 0)
    profile.duration_nanos = max(profile.duration_nanos, 0)
    _shorten_strings(profile)


def shorten(text: str) -> str:
    """Return the text, or only its end if it is longer than a string of a pprof may be."""
    if len(text) * _LONGEST_CHAR_BYTES <= _MAX_STRING_BYTES:
        return text
    return text.encode()[-_MAX_STRING_BYTES:].decode(errors="ignore")


def _shorten_strings(profile: profile_pb2.Profile) -> None:
    strings = profile.string_table
    if max(map(len, strings[:]), default=0) * _LONGEST_CHAR_BYTES <= _MAX_STRING_BYTES:
        return
    for index, text in enumerate(strings):
        if len(text) * _LONGEST_CHAR_BYTES > _MAX_STRING_BYTES:
            strings[index] = shorten(text)


def _undecodable(data: bytes, error: DecodeError) -> RpcError:
    """Return the error for an invalid pprof; it names the text that is not UTF-8, if any."""
    try:
        texts: list[bytes] = [*_profile_of_bytes().FromString(data).string_table]
    except DecodeError:
        texts = []
    for text in texts:
        try:
            text.decode()
        except UnicodeDecodeError:
            return invalid_argument(f"invalid utf8 string hex: {text.hex()}")
    return invalid_argument(f"the profile is not a pprof message: {error}")


@cache
def _profile_of_bytes() -> type[Any]:
    """Return a class like the message's, except that its string table has bytes."""
    file = descriptor_pb2.FileDescriptorProto()
    profile_pb2.DESCRIPTOR.CopyToProto(file)
    profile = next(message for message in file.message_type if message.name == "Profile")
    strings = next(field for field in profile.field if field.name == "string_table")
    strings.type = descriptor_pb2.FieldDescriptorProto.TYPE_BYTES
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("google.v1.Profile"))
