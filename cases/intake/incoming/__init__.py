"""Uploads that come in pieces (tus 1.0) and are shown before anything becomes of them: ADR 29."""
