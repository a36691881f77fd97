"""ClickHouse's HTTP interface over a chDB in this process: what clickhouse-connect speaks, and no more of it.

The code that talks to ClickHouse Cloud runs against it in tests and in `make cloud`; the embedded engine alone would
leave out the network. The interface: clickhouse.com/docs/interfaces/http
"""
