"""The web page: its files, and the two ways of serving them.

No code here queries profiles: the page calls the RPCs.
"""
