"""ClickHouse's HTTP interface over a chDB in this process, as far as clickhouse-connect uses it.

In tests and in `make cloud`, the code for ClickHouse Cloud runs against it; the embedded engine alone would not test the
network. The interface: clickhouse.com/docs/interfaces/http
"""
