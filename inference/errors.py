"""The package's family of errors.

Each carries a stable `code` for programs and a sentence for people that ends with what was received. No
message names a file, a path or a person, so that it may be shown to a user and stored with a case.
"""

from __future__ import annotations

# What a sentence names: words as they are, whole numbers, and numbers with one decimal.
Fact = str | int | float


class InferenceError(Exception):
    """Something that the core refuses or cannot do. `retryable`: the same call may succeed later.

    `message` may name facts as %(name)s, whose values `facts` has. So others can say the same sentence in
    another language, from `template` and `facts`.
    """

    def __init__(self, code: str, message: str, *, retryable: bool = False, **facts: Fact) -> None:
        self.code = code
        self.template = message
        self.facts = facts
        self.message = (
            message % {name: in_english(fact) for name, fact in facts.items()} if facts else message
        )
        self.retryable = retryable
        super().__init__(self.message)

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle by the constructor's own arguments, for errors that cross a process boundary."""
        return (_rebuild, (type(self), self.code, self.template, self.retryable, self.facts))


class ImageError(InferenceError):
    """An upload that is refused, or a stored picture that cannot be read.

    Codes: empty_file, file_too_large, not_an_image, unsupported_format, truncated, too_many_pixels,
    too_small, several_frames, colour_unsupported, image_too_slow, image_too_large_to_read; where many send at
    once: decoders_busy (retryable); of a stored one: stored_damaged.
    """


class ManifestError(InferenceError):
    """A model that must not be loaded. Codes: manifest_missing, manifest_invalid, weights_missing,
    weights_mismatch; of the portal's model folders: manifest_misnamed, model_differs, weights_taken,
    model_dir_unwritable.
    """


class DataError(InferenceError):
    """Training or evaluation data that cannot be used. Codes: data_missing, data_invalid, recipe_invalid,
    run_mismatch, packages_missing, weights_missing.
    """


def in_english(fact: Fact) -> str:
    """A fact as an English sentence writes it: 16,000,000 and 50.0."""
    if isinstance(fact, str):
        return fact
    return f"{fact:,}" if isinstance(fact, int) else f"{fact:,.1f}"


def _rebuild(
    kind: type[InferenceError], code: str, message: str, retryable: bool, facts: dict[str, Fact]
) -> InferenceError:
    return kind(code, message, retryable=retryable, **facts)
