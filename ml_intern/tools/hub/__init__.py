"""Tools for the Hugging Face Hub: what is there, what it holds, and changing it."""
