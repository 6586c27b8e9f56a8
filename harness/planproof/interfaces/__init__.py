"""What people touch: the command line, the reporters, the pytest plugin."""
