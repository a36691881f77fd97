"""Code that several test modules share: servers, uploads and queries. It has no tests."""
