"""Session boundaries (requirement rows S2.*): a service that starts and ends sessions and records both."""
