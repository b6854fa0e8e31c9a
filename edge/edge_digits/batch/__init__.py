"""Many pictures: each read and written, in order, by one process or several; a folder in which they arrive."""
