"""Which client moves when: the controlled scheduler and the orders that drive it."""
