"""What leaves the project: events for the bus, and dead letters for the queue."""
