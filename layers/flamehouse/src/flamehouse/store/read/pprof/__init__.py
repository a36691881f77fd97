"""The query for a merged profile, whose samples and symbols ClickHouse encodes as protobuf."""
