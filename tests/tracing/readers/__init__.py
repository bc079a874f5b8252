"""Do programs that nobody here wrote read our traces? `make trace-readers` asks them."""
