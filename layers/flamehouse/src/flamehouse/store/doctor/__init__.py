"""Examines a database: each check yields findings, which say in one line what is wrong and what to do."""
