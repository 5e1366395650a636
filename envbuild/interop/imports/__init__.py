"""What other tools write becomes manifests: a module for each format, and what they share."""

FORMATS = ("conda", "pip", "conda-env", "explicit", "azureml", "azureml-v1")
