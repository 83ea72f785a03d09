"""The door in: uploads by form, by REST and from a folder."""
