"""Kinds of check, one file each behind one protocol."""
