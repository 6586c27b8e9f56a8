"""The linter: one engine, one file per rule family."""
