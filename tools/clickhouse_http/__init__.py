"""ClickHouse's HTTP interface over a chDB in this process, to the extent that clickhouse-connect uses it.

In tests and in `make cloud`, the code for ClickHouse Cloud runs against this server; the embedded engine alone would
not test the network. The interface: clickhouse.com/docs/interfaces/http
"""
