"""The Hub's documentation of libraries: which pages there are, and what stands in them."""
