from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class ValueType(_message.Message):
    __slots__ = ("type_strindex", "unit_strindex")
    TYPE_STRINDEX_FIELD_NUMBER: _ClassVar[int]
    UNIT_STRINDEX_FIELD_NUMBER: _ClassVar[int]
    type_strindex: int
    unit_strindex: int
    def __init__(self, type_strindex: _Optional[int] = ..., unit_strindex: _Optional[int] = ...) -> None: ...

class V18Request(_message.Message):
    __slots__ = ("resource_profiles", "dictionary")
    RESOURCE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    resource_profiles: _containers.RepeatedCompositeFieldContainer[V18ResourceProfiles]
    dictionary: bytes
    def __init__(self, resource_profiles: _Optional[_Iterable[_Union[V18ResourceProfiles, _Mapping]]] = ..., dictionary: _Optional[bytes] = ...) -> None: ...

class V18ResourceProfiles(_message.Message):
    __slots__ = ("resource", "scope_profiles")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    resource: bytes
    scope_profiles: _containers.RepeatedCompositeFieldContainer[V18ScopeProfiles]
    def __init__(self, resource: _Optional[bytes] = ..., scope_profiles: _Optional[_Iterable[_Union[V18ScopeProfiles, _Mapping]]] = ...) -> None: ...

class V18ScopeProfiles(_message.Message):
    __slots__ = ("scope", "profiles")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    scope: bytes
    profiles: _containers.RepeatedCompositeFieldContainer[V18Profile]
    def __init__(self, scope: _Optional[bytes] = ..., profiles: _Optional[_Iterable[_Union[V18Profile, _Mapping]]] = ...) -> None: ...

class V18Profile(_message.Message):
    __slots__ = ("sample_type", "samples", "time_unix_nano", "duration_nano", "period_type", "period")
    SAMPLE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SAMPLES_FIELD_NUMBER: _ClassVar[int]
    TIME_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    DURATION_NANO_FIELD_NUMBER: _ClassVar[int]
    PERIOD_TYPE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    sample_type: ValueType
    samples: _containers.RepeatedCompositeFieldContainer[V18Sample]
    time_unix_nano: int
    duration_nano: int
    period_type: ValueType
    period: int
    def __init__(self, sample_type: _Optional[_Union[ValueType, _Mapping]] = ..., samples: _Optional[_Iterable[_Union[V18Sample, _Mapping]]] = ..., time_unix_nano: _Optional[int] = ..., duration_nano: _Optional[int] = ..., period_type: _Optional[_Union[ValueType, _Mapping]] = ..., period: _Optional[int] = ...) -> None: ...

class V18Sample(_message.Message):
    __slots__ = ("stack_index", "values", "attribute_indices", "link_index", "timestamps_unix_nano")
    STACK_INDEX_FIELD_NUMBER: _ClassVar[int]
    VALUES_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_INDICES_FIELD_NUMBER: _ClassVar[int]
    LINK_INDEX_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    stack_index: int
    values: _containers.RepeatedScalarFieldContainer[int]
    attribute_indices: _containers.RepeatedScalarFieldContainer[int]
    link_index: int
    timestamps_unix_nano: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, stack_index: _Optional[int] = ..., values: _Optional[_Iterable[int]] = ..., attribute_indices: _Optional[_Iterable[int]] = ..., link_index: _Optional[int] = ..., timestamps_unix_nano: _Optional[_Iterable[int]] = ...) -> None: ...

class RangeSample(_message.Message):
    __slots__ = ("locations_start_index", "locations_length", "value", "attribute_indices", "link_index", "timestamps_unix_nano")
    LOCATIONS_START_INDEX_FIELD_NUMBER: _ClassVar[int]
    LOCATIONS_LENGTH_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_INDICES_FIELD_NUMBER: _ClassVar[int]
    LINK_INDEX_FIELD_NUMBER: _ClassVar[int]
    TIMESTAMPS_UNIX_NANO_FIELD_NUMBER: _ClassVar[int]
    locations_start_index: int
    locations_length: int
    value: _containers.RepeatedScalarFieldContainer[int]
    attribute_indices: _containers.RepeatedScalarFieldContainer[int]
    link_index: int
    timestamps_unix_nano: _containers.RepeatedScalarFieldContainer[int]
    def __init__(self, locations_start_index: _Optional[int] = ..., locations_length: _Optional[int] = ..., value: _Optional[_Iterable[int]] = ..., attribute_indices: _Optional[_Iterable[int]] = ..., link_index: _Optional[int] = ..., timestamps_unix_nano: _Optional[_Iterable[int]] = ...) -> None: ...

class Location(_message.Message):
    __slots__ = ("mapping_index", "address", "line")
    MAPPING_INDEX_FIELD_NUMBER: _ClassVar[int]
    ADDRESS_FIELD_NUMBER: _ClassVar[int]
    LINE_FIELD_NUMBER: _ClassVar[int]
    mapping_index: int
    address: int
    line: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, mapping_index: _Optional[int] = ..., address: _Optional[int] = ..., line: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Attribute(_message.Message):
    __slots__ = ("key", "value")
    KEY_FIELD_NUMBER: _ClassVar[int]
    VALUE_FIELD_NUMBER: _ClassVar[int]
    key: str
    value: bytes
    def __init__(self, key: _Optional[str] = ..., value: _Optional[bytes] = ...) -> None: ...

class V17Request(_message.Message):
    __slots__ = ("resource_profiles", "dictionary")
    RESOURCE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    DICTIONARY_FIELD_NUMBER: _ClassVar[int]
    resource_profiles: _containers.RepeatedCompositeFieldContainer[V17ResourceProfiles]
    dictionary: V17Dictionary
    def __init__(self, resource_profiles: _Optional[_Iterable[_Union[V17ResourceProfiles, _Mapping]]] = ..., dictionary: _Optional[_Union[V17Dictionary, _Mapping]] = ...) -> None: ...

class V17ResourceProfiles(_message.Message):
    __slots__ = ("resource", "scope_profiles")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    resource: bytes
    scope_profiles: _containers.RepeatedCompositeFieldContainer[V17ScopeProfiles]
    def __init__(self, resource: _Optional[bytes] = ..., scope_profiles: _Optional[_Iterable[_Union[V17ScopeProfiles, _Mapping]]] = ...) -> None: ...

class V17ScopeProfiles(_message.Message):
    __slots__ = ("scope", "profiles")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    scope: bytes
    profiles: _containers.RepeatedCompositeFieldContainer[V17Profile]
    def __init__(self, scope: _Optional[bytes] = ..., profiles: _Optional[_Iterable[_Union[V17Profile, _Mapping]]] = ...) -> None: ...

class V17Profile(_message.Message):
    __slots__ = ("sample_type", "sample", "location_indices", "time_nanos", "duration_nanos", "period_type", "period")
    SAMPLE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_INDICES_FIELD_NUMBER: _ClassVar[int]
    TIME_NANOS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NANOS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_TYPE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    sample_type: _containers.RepeatedCompositeFieldContainer[ValueType]
    sample: _containers.RepeatedCompositeFieldContainer[RangeSample]
    location_indices: _containers.RepeatedScalarFieldContainer[int]
    time_nanos: int
    duration_nanos: int
    period_type: ValueType
    period: int
    def __init__(self, sample_type: _Optional[_Iterable[_Union[ValueType, _Mapping]]] = ..., sample: _Optional[_Iterable[_Union[RangeSample, _Mapping]]] = ..., location_indices: _Optional[_Iterable[int]] = ..., time_nanos: _Optional[int] = ..., duration_nanos: _Optional[int] = ..., period_type: _Optional[_Union[ValueType, _Mapping]] = ..., period: _Optional[int] = ...) -> None: ...

class V17Dictionary(_message.Message):
    __slots__ = ("mapping_table", "location_table", "function_table", "link_table", "string_table", "attribute_table")
    MAPPING_TABLE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_TABLE_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_TABLE_FIELD_NUMBER: _ClassVar[int]
    LINK_TABLE_FIELD_NUMBER: _ClassVar[int]
    STRING_TABLE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_TABLE_FIELD_NUMBER: _ClassVar[int]
    mapping_table: _containers.RepeatedScalarFieldContainer[bytes]
    location_table: _containers.RepeatedCompositeFieldContainer[Location]
    function_table: _containers.RepeatedScalarFieldContainer[bytes]
    link_table: _containers.RepeatedScalarFieldContainer[bytes]
    string_table: _containers.RepeatedScalarFieldContainer[str]
    attribute_table: _containers.RepeatedCompositeFieldContainer[Attribute]
    def __init__(self, mapping_table: _Optional[_Iterable[bytes]] = ..., location_table: _Optional[_Iterable[_Union[Location, _Mapping]]] = ..., function_table: _Optional[_Iterable[bytes]] = ..., link_table: _Optional[_Iterable[bytes]] = ..., string_table: _Optional[_Iterable[str]] = ..., attribute_table: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ...) -> None: ...

class V15Request(_message.Message):
    __slots__ = ("resource_profiles",)
    RESOURCE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    resource_profiles: _containers.RepeatedCompositeFieldContainer[V15ResourceProfiles]
    def __init__(self, resource_profiles: _Optional[_Iterable[_Union[V15ResourceProfiles, _Mapping]]] = ...) -> None: ...

class V15ResourceProfiles(_message.Message):
    __slots__ = ("resource", "scope_profiles")
    RESOURCE_FIELD_NUMBER: _ClassVar[int]
    SCOPE_PROFILES_FIELD_NUMBER: _ClassVar[int]
    resource: bytes
    scope_profiles: _containers.RepeatedCompositeFieldContainer[V15ScopeProfiles]
    def __init__(self, resource: _Optional[bytes] = ..., scope_profiles: _Optional[_Iterable[_Union[V15ScopeProfiles, _Mapping]]] = ...) -> None: ...

class V15ScopeProfiles(_message.Message):
    __slots__ = ("scope", "profiles")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    PROFILES_FIELD_NUMBER: _ClassVar[int]
    scope: bytes
    profiles: _containers.RepeatedCompositeFieldContainer[V15Profile]
    def __init__(self, scope: _Optional[bytes] = ..., profiles: _Optional[_Iterable[_Union[V15Profile, _Mapping]]] = ...) -> None: ...

class V15Profile(_message.Message):
    __slots__ = ("sample_type", "sample", "mapping_table", "location_table", "location_indices", "function_table", "attribute_table", "link_table", "string_table", "time_nanos", "duration_nanos", "period_type", "period")
    SAMPLE_TYPE_FIELD_NUMBER: _ClassVar[int]
    SAMPLE_FIELD_NUMBER: _ClassVar[int]
    MAPPING_TABLE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_TABLE_FIELD_NUMBER: _ClassVar[int]
    LOCATION_INDICES_FIELD_NUMBER: _ClassVar[int]
    FUNCTION_TABLE_FIELD_NUMBER: _ClassVar[int]
    ATTRIBUTE_TABLE_FIELD_NUMBER: _ClassVar[int]
    LINK_TABLE_FIELD_NUMBER: _ClassVar[int]
    STRING_TABLE_FIELD_NUMBER: _ClassVar[int]
    TIME_NANOS_FIELD_NUMBER: _ClassVar[int]
    DURATION_NANOS_FIELD_NUMBER: _ClassVar[int]
    PERIOD_TYPE_FIELD_NUMBER: _ClassVar[int]
    PERIOD_FIELD_NUMBER: _ClassVar[int]
    sample_type: _containers.RepeatedCompositeFieldContainer[ValueType]
    sample: _containers.RepeatedCompositeFieldContainer[RangeSample]
    mapping_table: _containers.RepeatedScalarFieldContainer[bytes]
    location_table: _containers.RepeatedCompositeFieldContainer[Location]
    location_indices: _containers.RepeatedScalarFieldContainer[int]
    function_table: _containers.RepeatedScalarFieldContainer[bytes]
    attribute_table: _containers.RepeatedCompositeFieldContainer[Attribute]
    link_table: _containers.RepeatedScalarFieldContainer[bytes]
    string_table: _containers.RepeatedScalarFieldContainer[str]
    time_nanos: int
    duration_nanos: int
    period_type: ValueType
    period: int
    def __init__(self, sample_type: _Optional[_Iterable[_Union[ValueType, _Mapping]]] = ..., sample: _Optional[_Iterable[_Union[RangeSample, _Mapping]]] = ..., mapping_table: _Optional[_Iterable[bytes]] = ..., location_table: _Optional[_Iterable[_Union[Location, _Mapping]]] = ..., location_indices: _Optional[_Iterable[int]] = ..., function_table: _Optional[_Iterable[bytes]] = ..., attribute_table: _Optional[_Iterable[_Union[Attribute, _Mapping]]] = ..., link_table: _Optional[_Iterable[bytes]] = ..., string_table: _Optional[_Iterable[str]] = ..., time_nanos: _Optional[int] = ..., duration_nanos: _Optional[int] = ..., period_type: _Optional[_Union[ValueType, _Mapping]] = ..., period: _Optional[int] = ...) -> None: ...

class Nested(_message.Message):
    __slots__ = ("f1", "f2", "f3", "f6", "f7")
    F1_FIELD_NUMBER: _ClassVar[int]
    F2_FIELD_NUMBER: _ClassVar[int]
    F3_FIELD_NUMBER: _ClassVar[int]
    F6_FIELD_NUMBER: _ClassVar[int]
    F7_FIELD_NUMBER: _ClassVar[int]
    f1: _containers.RepeatedScalarFieldContainer[bytes]
    f2: _containers.RepeatedScalarFieldContainer[bytes]
    f3: _containers.RepeatedScalarFieldContainer[bytes]
    f6: _containers.RepeatedScalarFieldContainer[bytes]
    f7: _containers.RepeatedScalarFieldContainer[bytes]
    def __init__(self, f1: _Optional[_Iterable[bytes]] = ..., f2: _Optional[_Iterable[bytes]] = ..., f3: _Optional[_Iterable[bytes]] = ..., f6: _Optional[_Iterable[bytes]] = ..., f7: _Optional[_Iterable[bytes]] = ...) -> None: ...

class Varints(_message.Message):
    __slots__ = ("f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22")
    F1_FIELD_NUMBER: _ClassVar[int]
    F2_FIELD_NUMBER: _ClassVar[int]
    F3_FIELD_NUMBER: _ClassVar[int]
    F4_FIELD_NUMBER: _ClassVar[int]
    F5_FIELD_NUMBER: _ClassVar[int]
    F6_FIELD_NUMBER: _ClassVar[int]
    F7_FIELD_NUMBER: _ClassVar[int]
    F8_FIELD_NUMBER: _ClassVar[int]
    F9_FIELD_NUMBER: _ClassVar[int]
    F10_FIELD_NUMBER: _ClassVar[int]
    F11_FIELD_NUMBER: _ClassVar[int]
    F12_FIELD_NUMBER: _ClassVar[int]
    F13_FIELD_NUMBER: _ClassVar[int]
    F14_FIELD_NUMBER: _ClassVar[int]
    F15_FIELD_NUMBER: _ClassVar[int]
    F16_FIELD_NUMBER: _ClassVar[int]
    F17_FIELD_NUMBER: _ClassVar[int]
    F18_FIELD_NUMBER: _ClassVar[int]
    F19_FIELD_NUMBER: _ClassVar[int]
    F20_FIELD_NUMBER: _ClassVar[int]
    F21_FIELD_NUMBER: _ClassVar[int]
    F22_FIELD_NUMBER: _ClassVar[int]
    f1: int
    f2: int
    f3: int
    f4: int
    f5: int
    f6: int
    f7: int
    f8: int
    f9: int
    f10: int
    f11: int
    f12: int
    f13: int
    f14: int
    f15: int
    f16: int
    f17: int
    f18: int
    f19: int
    f20: int
    f21: int
    f22: int
    def __init__(self, f1: _Optional[int] = ..., f2: _Optional[int] = ..., f3: _Optional[int] = ..., f4: _Optional[int] = ..., f5: _Optional[int] = ..., f6: _Optional[int] = ..., f7: _Optional[int] = ..., f8: _Optional[int] = ..., f9: _Optional[int] = ..., f10: _Optional[int] = ..., f11: _Optional[int] = ..., f12: _Optional[int] = ..., f13: _Optional[int] = ..., f14: _Optional[int] = ..., f15: _Optional[int] = ..., f16: _Optional[int] = ..., f17: _Optional[int] = ..., f18: _Optional[int] = ..., f19: _Optional[int] = ..., f20: _Optional[int] = ..., f21: _Optional[int] = ..., f22: _Optional[int] = ...) -> None: ...

class Fixed64s(_message.Message):
    __slots__ = ("f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22")
    F1_FIELD_NUMBER: _ClassVar[int]
    F2_FIELD_NUMBER: _ClassVar[int]
    F3_FIELD_NUMBER: _ClassVar[int]
    F4_FIELD_NUMBER: _ClassVar[int]
    F5_FIELD_NUMBER: _ClassVar[int]
    F6_FIELD_NUMBER: _ClassVar[int]
    F7_FIELD_NUMBER: _ClassVar[int]
    F8_FIELD_NUMBER: _ClassVar[int]
    F9_FIELD_NUMBER: _ClassVar[int]
    F10_FIELD_NUMBER: _ClassVar[int]
    F11_FIELD_NUMBER: _ClassVar[int]
    F12_FIELD_NUMBER: _ClassVar[int]
    F13_FIELD_NUMBER: _ClassVar[int]
    F14_FIELD_NUMBER: _ClassVar[int]
    F15_FIELD_NUMBER: _ClassVar[int]
    F16_FIELD_NUMBER: _ClassVar[int]
    F17_FIELD_NUMBER: _ClassVar[int]
    F18_FIELD_NUMBER: _ClassVar[int]
    F19_FIELD_NUMBER: _ClassVar[int]
    F20_FIELD_NUMBER: _ClassVar[int]
    F21_FIELD_NUMBER: _ClassVar[int]
    F22_FIELD_NUMBER: _ClassVar[int]
    f1: int
    f2: int
    f3: int
    f4: int
    f5: int
    f6: int
    f7: int
    f8: int
    f9: int
    f10: int
    f11: int
    f12: int
    f13: int
    f14: int
    f15: int
    f16: int
    f17: int
    f18: int
    f19: int
    f20: int
    f21: int
    f22: int
    def __init__(self, f1: _Optional[int] = ..., f2: _Optional[int] = ..., f3: _Optional[int] = ..., f4: _Optional[int] = ..., f5: _Optional[int] = ..., f6: _Optional[int] = ..., f7: _Optional[int] = ..., f8: _Optional[int] = ..., f9: _Optional[int] = ..., f10: _Optional[int] = ..., f11: _Optional[int] = ..., f12: _Optional[int] = ..., f13: _Optional[int] = ..., f14: _Optional[int] = ..., f15: _Optional[int] = ..., f16: _Optional[int] = ..., f17: _Optional[int] = ..., f18: _Optional[int] = ..., f19: _Optional[int] = ..., f20: _Optional[int] = ..., f21: _Optional[int] = ..., f22: _Optional[int] = ...) -> None: ...

class Lengths(_message.Message):
    __slots__ = ("f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22")
    F1_FIELD_NUMBER: _ClassVar[int]
    F2_FIELD_NUMBER: _ClassVar[int]
    F3_FIELD_NUMBER: _ClassVar[int]
    F4_FIELD_NUMBER: _ClassVar[int]
    F5_FIELD_NUMBER: _ClassVar[int]
    F6_FIELD_NUMBER: _ClassVar[int]
    F7_FIELD_NUMBER: _ClassVar[int]
    F8_FIELD_NUMBER: _ClassVar[int]
    F9_FIELD_NUMBER: _ClassVar[int]
    F10_FIELD_NUMBER: _ClassVar[int]
    F11_FIELD_NUMBER: _ClassVar[int]
    F12_FIELD_NUMBER: _ClassVar[int]
    F13_FIELD_NUMBER: _ClassVar[int]
    F14_FIELD_NUMBER: _ClassVar[int]
    F15_FIELD_NUMBER: _ClassVar[int]
    F16_FIELD_NUMBER: _ClassVar[int]
    F17_FIELD_NUMBER: _ClassVar[int]
    F18_FIELD_NUMBER: _ClassVar[int]
    F19_FIELD_NUMBER: _ClassVar[int]
    F20_FIELD_NUMBER: _ClassVar[int]
    F21_FIELD_NUMBER: _ClassVar[int]
    F22_FIELD_NUMBER: _ClassVar[int]
    f1: bytes
    f2: bytes
    f3: bytes
    f4: bytes
    f5: bytes
    f6: bytes
    f7: bytes
    f8: bytes
    f9: bytes
    f10: bytes
    f11: bytes
    f12: bytes
    f13: bytes
    f14: bytes
    f15: bytes
    f16: bytes
    f17: bytes
    f18: bytes
    f19: bytes
    f20: bytes
    f21: bytes
    f22: bytes
    def __init__(self, f1: _Optional[bytes] = ..., f2: _Optional[bytes] = ..., f3: _Optional[bytes] = ..., f4: _Optional[bytes] = ..., f5: _Optional[bytes] = ..., f6: _Optional[bytes] = ..., f7: _Optional[bytes] = ..., f8: _Optional[bytes] = ..., f9: _Optional[bytes] = ..., f10: _Optional[bytes] = ..., f11: _Optional[bytes] = ..., f12: _Optional[bytes] = ..., f13: _Optional[bytes] = ..., f14: _Optional[bytes] = ..., f15: _Optional[bytes] = ..., f16: _Optional[bytes] = ..., f17: _Optional[bytes] = ..., f18: _Optional[bytes] = ..., f19: _Optional[bytes] = ..., f20: _Optional[bytes] = ..., f21: _Optional[bytes] = ..., f22: _Optional[bytes] = ...) -> None: ...

class Fixed32s(_message.Message):
    __slots__ = ("f1", "f2", "f3", "f4", "f5", "f6", "f7", "f8", "f9", "f10", "f11", "f12", "f13", "f14", "f15", "f16", "f17", "f18", "f19", "f20", "f21", "f22")
    F1_FIELD_NUMBER: _ClassVar[int]
    F2_FIELD_NUMBER: _ClassVar[int]
    F3_FIELD_NUMBER: _ClassVar[int]
    F4_FIELD_NUMBER: _ClassVar[int]
    F5_FIELD_NUMBER: _ClassVar[int]
    F6_FIELD_NUMBER: _ClassVar[int]
    F7_FIELD_NUMBER: _ClassVar[int]
    F8_FIELD_NUMBER: _ClassVar[int]
    F9_FIELD_NUMBER: _ClassVar[int]
    F10_FIELD_NUMBER: _ClassVar[int]
    F11_FIELD_NUMBER: _ClassVar[int]
    F12_FIELD_NUMBER: _ClassVar[int]
    F13_FIELD_NUMBER: _ClassVar[int]
    F14_FIELD_NUMBER: _ClassVar[int]
    F15_FIELD_NUMBER: _ClassVar[int]
    F16_FIELD_NUMBER: _ClassVar[int]
    F17_FIELD_NUMBER: _ClassVar[int]
    F18_FIELD_NUMBER: _ClassVar[int]
    F19_FIELD_NUMBER: _ClassVar[int]
    F20_FIELD_NUMBER: _ClassVar[int]
    F21_FIELD_NUMBER: _ClassVar[int]
    F22_FIELD_NUMBER: _ClassVar[int]
    f1: int
    f2: int
    f3: int
    f4: int
    f5: int
    f6: int
    f7: int
    f8: int
    f9: int
    f10: int
    f11: int
    f12: int
    f13: int
    f14: int
    f15: int
    f16: int
    f17: int
    f18: int
    f19: int
    f20: int
    f21: int
    f22: int
    def __init__(self, f1: _Optional[int] = ..., f2: _Optional[int] = ..., f3: _Optional[int] = ..., f4: _Optional[int] = ..., f5: _Optional[int] = ..., f6: _Optional[int] = ..., f7: _Optional[int] = ..., f8: _Optional[int] = ..., f9: _Optional[int] = ..., f10: _Optional[int] = ..., f11: _Optional[int] = ..., f12: _Optional[int] = ..., f13: _Optional[int] = ..., f14: _Optional[int] = ..., f15: _Optional[int] = ..., f16: _Optional[int] = ..., f17: _Optional[int] = ..., f18: _Optional[int] = ..., f19: _Optional[int] = ..., f20: _Optional[int] = ..., f21: _Optional[int] = ..., f22: _Optional[int] = ...) -> None: ...
