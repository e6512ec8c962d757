"""Expiries on their way out: stream records in, events on EventBridge, dead letters on SQS."""
