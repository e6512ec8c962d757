"""The rules of a session. Pure: no AWS, no clock of their own, no I/O."""
