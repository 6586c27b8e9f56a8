"""Routes of the boundary service: adapters between HTTP and the service, nothing else (S2.C.22)."""
