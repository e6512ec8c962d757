"""The Lambda functions, a module each: event in, response out."""
