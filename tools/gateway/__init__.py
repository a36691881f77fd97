"""A local stand-in for AWS, as far as flamehouse needs it: an HTTP API of API Gateway in front of Lambda functions.

It runs the output of `sam build`, by its template, under Lambda's bootstrap.
"""
