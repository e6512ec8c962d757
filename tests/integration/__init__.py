"""Claims against the two engines: DynamoDB Local and moto."""
