"""Studies: one picture made with every combination of some settings, measured and laid side by side."""
