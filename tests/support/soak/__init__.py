"""The soak: uploads of all clients through the functions built for AWS, while ClickHouse fails at random."""
