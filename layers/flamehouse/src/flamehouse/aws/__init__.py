"""AWS services behind small classes: objects in S3, messages in SQS, secrets in Secrets Manager.

botocore is imported on first use. Callers see `ObjectStorage`, `Queue`, `SecretsManager` and their errors, never an
AWS response. Adapters for Lambda events belong in `flamehouse.serverless`.
"""
