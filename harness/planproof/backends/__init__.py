"""How a real store is found or started: memory, SQLite, PostgreSQL, DynamoDB Local."""
