"""Uploads in pieces (tus 1.0), and folders of the operator's, shown before anything is made (ADR 29)."""
