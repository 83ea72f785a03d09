"""Backups: the database and the stored files as one state, on any database, told by digests.

A folder of backups holds one folder a backup, with its rows, and one `files`, which all of them share: what
is stored has its digest for a name and never changes, so that a backup copies what is new alone.
"""
