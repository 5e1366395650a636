"""Builder `oci`: an image assembled here, of layers that are the same bytes wherever they are made; nothing is run."""
