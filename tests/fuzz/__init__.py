"""`make fuzz`: damaged files of every kind that uploads accept, through the door that uploads take."""
