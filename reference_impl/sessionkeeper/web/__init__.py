"""Sessions over HTTP: cookies, guesses, refresh, listing and ending one's own (ST3, ST10-ST13, ST16-ST20).

Run it with ``python -m sessionkeeper.web --store sqlite:////var/lib/sessions.db --workers 2``, or put its
door before the routes of a service of your own. Importing this package loads no web framework; it belongs to
the extra ``service``.
"""
