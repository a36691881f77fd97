"""The local server's own CPU profile, stored in the server itself (SELF_PROFILE).

The sampler, the profile that it makes and the thread that stores it belong here; nothing that functions on AWS need.
"""
