"""`make run`: the whole portal on one machine, with no server to install.

`python -m portal.standalone` prepares the database and its demo cases, starts a private broker, the
web process, the workers and beat, says when all of them answer, and ends all of them together.
"""
