"""`messages`: bring the catalogues up to the sources, and say what is left to translate."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = (
        "Renew portal/locale/*/LC_MESSAGES/django.po and .mo from the sources; lists what has no translation."
    )
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        # Babel is not part of a deployment.
        from portal import catalogues

        for language in catalogues.translated_languages():
            catalogue = catalogues.renew(language)
            messages = [message for message in catalogue if message.id]
            missing = [message for message in messages if message.fuzzy or not all_said(message.string)]
            self.stdout.write(f"{language}: {len(messages)} messages, {len(missing)} to translate")
            for message in missing:
                words = message.id if isinstance(message.id, str) else message.id[0]
                self.stdout.write(f"  {'fuzzy: ' if message.fuzzy else ''}{words}")


def all_said(translation: str | tuple[str, ...] | list[str] | None) -> bool:
    """Whether every form of a translation has words."""
    forms = [translation] if isinstance(translation, str) else list(translation or [""])
    return all(forms)
