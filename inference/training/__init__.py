"""Training and evaluation: data descriptions, recipes, augmentation, fitting, figures, export."""
