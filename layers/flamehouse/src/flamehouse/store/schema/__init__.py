"""The schema: numbered migrations and the code that applies them."""
