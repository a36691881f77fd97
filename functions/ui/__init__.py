"""The web page: its files, and two ways to serve them.

No code here queries profiles: the page calls the RPCs.
"""
