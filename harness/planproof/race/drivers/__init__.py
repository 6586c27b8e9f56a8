"""Where a client can be stopped: the calls that reach a store, the locks of the application, its sleeps.

Everything here works by putting a layer around the library's own class or function while a race runs; the
application's code is not touched, and threads that are no controlled clients see the library as it is.
"""
