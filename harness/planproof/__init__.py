"""planproof: reads Markdown plans and says of every claim in them whether it is proved.

Five wings, one direction: ``plan`` (what is claimed), ``race`` and ``backends`` (how concurrency is
proved), ``proof`` (what is proved), ``interfaces`` (what people touch). Importing this package imports
none of them.
"""

__version__ = "0.1.0"

__all__ = ["__version__"]
