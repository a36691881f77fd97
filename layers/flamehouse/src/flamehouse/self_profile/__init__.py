"""CPU profiles of this process itself (SELF_PROFILE): the sampler, the conversion to pprof, and their thread.

`recorder` is the thread; `drop` passes the profiles of a function on AWS to the worker, as files in the bucket.
ingest/self_profile.py stores those of the local server. Profiles of other programs do not belong here.
"""
