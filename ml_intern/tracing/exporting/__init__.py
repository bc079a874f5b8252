"""Sessions as training data: one JSON object a line, in TRL's conversational format."""
