"""How results look: one reporter per format."""
