"""The studio: a page in the browser, on this computer only, where a painter paints dreams into a picture."""
