"""Access to AWS services: secrets and signed requests."""
