"""Reports on one picture: the atlas of its layers, studies of settings, guides ranked against layers."""
