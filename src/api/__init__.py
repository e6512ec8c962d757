"""The HTTP face: API Gateway's events in, the contract's responses out."""
