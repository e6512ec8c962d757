"""The DynamoDB table of the sessions: items, conditional updates, faults."""
