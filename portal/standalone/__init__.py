"""`make run`: the whole portal on one machine, with no server to install.

`python -m portal.standalone` prepares the database and its demo cases, starts a private broker, the web
process and the workers, says when all of them answer, and ends all of them together. Why these processes:
docs/adr/0013-the-embedded-portal.md.
"""
