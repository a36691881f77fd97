"""This process's own CPU profile (SELF_PROFILE): the sampler, the profile that it makes, and the thread that hands it over.

`recorder` is the thread; `drop` hands the profiles of a function on AWS to the worker, as a file in the bucket. The way into the
local server's own store is ingest's (ingest/self_profile.py). What other programs send does not belong here.
"""
