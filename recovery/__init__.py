"""Commands for operators: replay dead letters, verify a table, adopt a restored one.

Each shows what it would do, and does it with ``--apply``. See docs/recovery.md.
"""
