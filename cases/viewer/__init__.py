"""Pictures, heat maps, marks and regions, and what the browser's viewer is given."""
