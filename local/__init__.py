"""The deployed handlers on a laptop: no AWS, no account. Not part of the deployed package."""
