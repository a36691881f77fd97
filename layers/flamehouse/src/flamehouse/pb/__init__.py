"""Messages of the wire, generated from `proto/` by `make proto`."""
