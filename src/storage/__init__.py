"""The DynamoDB table of the sessions: items, conditional writes, faults."""
