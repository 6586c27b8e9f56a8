"""What checks found, and when that stops being true."""
