"""The read path: one module for each RPC, named after it."""
