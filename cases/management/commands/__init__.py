"""Commands of the clinical domain."""
