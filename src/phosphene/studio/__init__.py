"""The studio: a page in the browser, on this computer only, and the server behind it.

`app` answers, `guard` stands at the door, `server` listens. What computes is handed in (`interface`).
"""
