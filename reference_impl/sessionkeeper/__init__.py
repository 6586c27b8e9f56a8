"""Session management that never exceeds its limit, at any instant, on any of four stores."""
