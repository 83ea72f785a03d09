"""Django's admin for operators. Django looks here for what is registered."""

from cases.admin import cases, models, reading

__all__ = ["cases", "models", "reading"]
