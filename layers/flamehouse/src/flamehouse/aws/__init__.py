"""AWS services behind small classes: objects in S3, messages in SQS, secrets in Secrets Manager.

botocore signs, sends and retries; it is imported on first use. Callers see `ObjectStorage`, `Queue`,
`SecretsManager` and their errors, never an AWS response. Adapters for events of Lambda belong in `flamehouse.serverless`.
"""
