"""One-file HTML pages: the report of an evaluation, the survey of a data set."""
