"""What Grafana requests besides profiles: the server's version and status, and the tenant's settings."""
