"""Any picture -> one grey plane -> its ink; parts of it; whether it is good enough to read."""
