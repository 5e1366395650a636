"""What the tests stand on: real wheels, a real package index, a real project folder, the services of the machine."""
