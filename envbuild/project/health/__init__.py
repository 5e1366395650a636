"""What envbuild needs of a machine and of what lies beyond it."""
