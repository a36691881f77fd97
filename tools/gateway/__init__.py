"""A local stand-in for the parts of AWS that flamehouse needs: an API Gateway HTTP API in front of Lambda functions.

It runs the output of `sam build` as its template describes, under Lambda's bootstrap.
"""
