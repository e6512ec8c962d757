"""Load on a deployment, by locust: ``make load URL=https://...``. See docs/development.md.

Locust is installed in an environment of its own, so only ``load.locustfile`` imports it.
"""
