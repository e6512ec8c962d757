"""Claims that need nothing but Python."""
