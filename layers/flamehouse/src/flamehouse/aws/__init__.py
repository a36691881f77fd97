"""AWS services behind small interfaces: objects in S3, secrets in Secrets Manager.

botocore signs, sends and retries; it is imported on first use. Callers see `ObjectStorage`, `Secrets` and their
errors, never an AWS response.
"""
