"""The web page: its files, and the two ways they are served."""
