"""Claims about sessions, by what they need to run: unit, integration, e2e."""
