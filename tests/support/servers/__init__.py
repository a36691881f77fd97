"""Starts, fakes and breaks servers: the app in process, the local server, a bundle for AWS, ClickHouse."""
