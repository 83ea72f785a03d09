"""What leaves: which reviews an export holds, and its rows."""
