"""Clients that are asyncio tasks on one event loop: stopped where they await, and let go one at a time."""
