"""Values -> text and JSON, as a terminal and a program read them."""
