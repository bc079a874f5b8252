"""Sessions in Slack: told there, and steered, answered and decided from there."""
