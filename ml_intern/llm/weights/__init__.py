"""A language model in a process of our own, from its weights (`transformers/PLACE`)."""
