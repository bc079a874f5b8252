"""GitHub, read through its REST API: examples, files and repositories."""
