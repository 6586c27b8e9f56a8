"""The dialects that planproof knows, one file each; others come through the entry point group."""
