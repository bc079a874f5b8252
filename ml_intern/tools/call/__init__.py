"""A call as a model wrote it, before any tool sees it: its name, its text, its fit."""
