"""The packages that training runs with, looked up in exactly the version that is installed."""
