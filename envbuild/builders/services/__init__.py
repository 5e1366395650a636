"""Service images: the image of an environment, and upon it a server, models, and a script that calls them."""
