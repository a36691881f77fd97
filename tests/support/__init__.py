"""What several test modules share: servers, uploads and queries. No test is in here."""
