"""Standalone scripts that run in the training environment; nothing of ours imports them."""
