"""What a paper says of how its experiment was run, each value with the sentence it stands in."""
