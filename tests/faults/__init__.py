"""`make faults`: the portal on a real database and broker, and what it makes of their deaths and its own."""
