from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AdHocProfilesUploadRequest(_message.Message):
    __slots__ = ("name", "profile", "max_nodes")
    NAME_FIELD_NUMBER: _ClassVar[int]
    PROFILE_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    name: str
    profile: str
    max_nodes: int
    def __init__(self, name: _Optional[str] = ..., profile: _Optional[str] = ..., max_nodes: _Optional[int] = ...) -> None: ...

class AdHocProfilesGetRequest(_message.Message):
    __slots__ = ("id", "profile_type", "max_nodes")
    ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    id: str
    profile_type: str
    max_nodes: int
    def __init__(self, id: _Optional[str] = ..., profile_type: _Optional[str] = ..., max_nodes: _Optional[int] = ...) -> None: ...

class AdHocProfilesGetResponse(_message.Message):
    __slots__ = ("id", "name", "uploaded_at", "profile_type", "profile_types", "flamebearer_profile")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPLOADED_AT_FIELD_NUMBER: _ClassVar[int]
    PROFILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    PROFILE_TYPES_FIELD_NUMBER: _ClassVar[int]
    FLAMEBEARER_PROFILE_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    uploaded_at: int
    profile_type: str
    profile_types: _containers.RepeatedScalarFieldContainer[str]
    flamebearer_profile: str
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., uploaded_at: _Optional[int] = ..., profile_type: _Optional[str] = ..., profile_types: _Optional[_Iterable[str]] = ..., flamebearer_profile: _Optional[str] = ...) -> None: ...

class AdHocProfilesListRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class AdHocProfilesListResponse(_message.Message):
    __slots__ = ("profiles",)
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    profiles: _containers.RepeatedCompositeFieldContainer[AdHocProfilesProfileMetadata]
    def __init__(self, profiles: _Optional[_Iterable[_Union[AdHocProfilesProfileMetadata, _Mapping]]] = ...) -> None: ...

class AdHocProfilesProfileMetadata(_message.Message):
    __slots__ = ("id", "name", "uploaded_at")
    ID_FIELD_NUMBER: _ClassVar[int]
    NAME_FIELD_NUMBER: _ClassVar[int]
    UPLOADED_AT_FIELD_NUMBER: _ClassVar[int]
    id: str
    name: str
    uploaded_at: int
    def __init__(self, id: _Optional[str] = ..., name: _Optional[str] = ..., uploaded_at: _Optional[int] = ...) -> None: ...

class AdHocProfilesDiffRequest(_message.Message):
    __slots__ = ("left_id", "right_id", "profile_type", "max_nodes")
    LEFT_ID_FIELD_NUMBER: _ClassVar[int]
    RIGHT_ID_FIELD_NUMBER: _ClassVar[int]
    PROFILE_TYPE_FIELD_NUMBER: _ClassVar[int]
    MAX_NODES_FIELD_NUMBER: _ClassVar[int]
    left_id: str
    right_id: str
    profile_type: str
    max_nodes: int
    def __init__(self, left_id: _Optional[str] = ..., right_id: _Optional[str] = ..., profile_type: _Optional[str] = ..., max_nodes: _Optional[int] = ...) -> None: ...

class AdHocProfilesDiffResponse(_message.Message):
    __slots__ = ("profile_types", "flamebearer_profile")
    PROFILE_TYPES_FIELD_NUMBER: _ClassVar[int]
    FLAMEBEARER_PROFILE_FIELD_NUMBER: _ClassVar[int]
    profile_types: _containers.RepeatedScalarFieldContainer[str]
    flamebearer_profile: str
    def __init__(self, profile_types: _Optional[_Iterable[str]] = ..., flamebearer_profile: _Optional[str] = ...) -> None: ...
