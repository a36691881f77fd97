"""The reference of the HTTP interface: an OpenAPI document of every endpoint, and a page that shows it. Local server only."""
