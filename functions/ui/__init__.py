"""The web page: its files, and the two ways of serving them."""
