"""Pictures as tensors `[1, 3, H, W]`, 0..1: pure functions that resize, cut, mask and paint them."""
