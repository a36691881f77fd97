"""The write path: endpoints, formats, validation, and one pipeline into the store."""
