from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable
from typing import ClassVar as _ClassVar, Optional as _Optional

DESCRIPTOR: _descriptor.FileDescriptor

class DictionaryLists(_message.Message):
    __slots__ = ("location_table", "function_table")
    LOCATION_TABLE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_TABLE_FIELD_NUMBER: _ClassVar[int]
    location_table: _containers.RepeatedScalarFieldContainer[bytes]
    function_table: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, location_table: _Optional[_Iterable[bytes]] = ..., function_table: _Optional[_Iterable[bytes]] = ...) -> None: ...

class LocationColumns(_message.Message):
    __slots__ = ("mapping_index", "address", "lines")
    MAPPING_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LINES_FIELD_NUMBER: _ClassVar[int]
    mapping_index: _containers.RepeatedScalarFieldContainer[int]
    address: _containers.RepeatedScalarFieldContainer[int]
    lines: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, mapping_index: _Optional[_Iterable[int]] = ..., address: _Optional[_Iterable[int]] = ..., lines: _Optional[_Iterable[bytes]] = ...) -> None: ...

class FunctionColumns(_message.Message):
    __slots__ = ("name_strindex", "system_name_strindex", "filename_strindex", "start_line")
    NAME_STRINDEX_FIELD_NUMBER: _ClassVar[int]
    SYSTEM_NAME_STRINDEX_FIELD_NUMBER: _ClassVar[int]
    FILENAME_STRINDEX_FIELD_NUMBER: _ClassVar[int]
    START_LINE_FIELD_NUMBER: _ClassVar[int]
    name_strindex: _containers.RepeatedScalarFieldContainer[int]
    system_name_strindex: _containers.RepeatedScalarFieldContainer[int]
    filename_strindex: _containers.RepeatedScalarFieldContainer[int]
    start_line: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, name_strindex: _Optional[_Iterable[int]] = ..., system_name_strindex: _Optional[_Iterable[int]] = ..., filename_strindex: _Optional[_Iterable[int]] = ..., start_line: _Optional[_Iterable[int]] = ...) -> None: ...
