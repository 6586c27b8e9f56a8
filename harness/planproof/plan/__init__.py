"""What is claimed: plans read into items, edges and findings. Executes nothing, opens only plan files."""
