"""Makes uploads in every format and reads the stored results."""
