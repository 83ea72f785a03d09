"""What a backup, or a way back from one, stops at."""


class BackupError(Exception):
    """The message says what to do; the command ends with it and has left nothing half done."""
