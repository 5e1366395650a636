hello = "world"
