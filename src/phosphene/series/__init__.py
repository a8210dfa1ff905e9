"""Many runs on one picture."""
