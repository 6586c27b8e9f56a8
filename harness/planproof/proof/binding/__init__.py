"""How an item and the check that would prove it are brought together."""
