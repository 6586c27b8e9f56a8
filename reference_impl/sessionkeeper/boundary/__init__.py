"""Session boundaries (requirement rows S2.*): a service that starts and ends sessions and records both.

Run it with ``python -m sessionkeeper.boundary --store sqlite:////var/lib/boundary.db --logs logs``. Importing
this package loads neither a web framework nor a driver; both belong to extras.

Who may do what (S2.INV5, S2.INV7): ``schema_recorder`` alone opens ``*.jsonl`` files and appends to them;
everything else here makes directories at most. ``domain`` and ``models`` are pure. ``routes`` only translate
between HTTP and ``service``.
"""
