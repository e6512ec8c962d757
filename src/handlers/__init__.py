"""The Lambda entry points, a module each: environment, objects, handler."""
