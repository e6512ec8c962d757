"""The rules of a session. Pure: no AWS, no clock, no input or output."""
