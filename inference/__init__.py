"""SecondRead's image science: formats, preprocessing, networks, Grad-CAM, training.

The package knows nothing of Django, Celery or the portal and can be lifted out and used in a notebook.
Importing it, its formats, heat maps or manifests costs numpy and Pillow only; TensorFlow loads with
`predictor`, `networks` and `training`.
"""
