"""How many rows one statement writes."""

# A statement of many rows is put together whole on our side and parsed whole on the database's. A cohort has
# a hundred thousand images: by the thousand, what is kept in memory does not grow with it.
BATCH_SIZE = 1000
