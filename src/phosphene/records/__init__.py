"""What a run writes of itself: the record in a finished picture, and the journal from which a stopped run goes on."""
