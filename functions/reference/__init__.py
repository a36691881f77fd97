"""The reference of the HTTP interface: an OpenAPI document of all endpoints, and a page for it. Local server only."""
