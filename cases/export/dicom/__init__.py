"""What an archive of a hospital can store of a reviewed case: Secondary Captures and Structured Reports.

highdicom is imported when somebody asks for it, not when the web process starts.
"""
