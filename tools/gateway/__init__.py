"""AWS on this machine, as far as flamehouse needs it: an HTTP API of API Gateway in front of Lambda functions.

What `sam build` made is run, by its template, under Lambda's own bootstrap.
"""
