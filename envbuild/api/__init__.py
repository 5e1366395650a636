"""What a command does, as flows: of Python users and of the command line."""
