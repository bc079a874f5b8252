"""Papers: found in several indexes at once, and what each of them knows of one."""
