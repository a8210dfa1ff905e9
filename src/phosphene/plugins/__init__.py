"""Plug-ins for other programs: files that `phosphene plugins` copies to where those look for them.

They run in the Python of those programs, which has neither Phosphene nor torch: `client` starts the command `phosphene`
and tells how far it is. It needs Python 3.8 and the standard library.
"""
