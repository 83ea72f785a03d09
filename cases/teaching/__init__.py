"""Teaching mode: drawing a case of known class, answering, and the score."""
