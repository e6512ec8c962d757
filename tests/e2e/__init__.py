"""Claims against what is deployed, built and run by SAM CLI."""
