"""The query for a merged profile, whose samples and symbols ClickHouse encodes as protobuf.

Types, times and mappings are encoded in `flamehouse.render`.
"""
