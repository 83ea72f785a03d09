"""The model card: what a manifest says about its model, as Markdown for people."""

from inference.training.card.card import model_card

__all__ = ["model_card"]
