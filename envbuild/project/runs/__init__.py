"""What is run in an environment: begun, remembered, done again, ended."""
