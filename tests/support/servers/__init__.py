"""Starts, fakes and breaks servers: the app in process, the local server, the bundle for AWS, ClickHouse."""
