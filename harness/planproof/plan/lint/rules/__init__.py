"""The rules, one file for each subject; each file lists its own as ``RULES``."""
