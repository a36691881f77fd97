"""The command `flamehouse`: one module per group of commands. Runs the local server, manages a database, queries any server."""
