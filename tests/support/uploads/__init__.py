"""Makes uploads in every format and reads what was stored of them."""
