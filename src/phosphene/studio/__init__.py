"""The studio: a page in the browser, on this computer only, and the server behind it.

`app` answers by the operations of `operations`, `guard` stands at the door, `server` listens.
"""
