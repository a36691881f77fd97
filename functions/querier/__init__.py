"""The read path: one module for each RPC, named after it.

A module validates the request and converts the result. SQL belongs in `flamehouse.store`, drawing in `flamehouse.render`.
"""
