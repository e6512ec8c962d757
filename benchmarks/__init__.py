"""Figures, each a ratio taken in one run: absolute times mean nothing on a shared machine."""
