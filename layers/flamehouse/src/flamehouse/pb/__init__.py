"""Messages of the wire, generated from `proto/` by `make proto`. Nothing here is written by hand.

A message is converted at the edge, in the module of its RPC or format; `flamehouse.model` has the values behind it.
"""
