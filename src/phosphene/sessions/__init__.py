"""What computes for the studio: pictures that are painted on, and one worker for all of them."""
