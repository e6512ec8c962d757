"""What surrounds a running function: its settings, the clock, its log and its metrics."""
