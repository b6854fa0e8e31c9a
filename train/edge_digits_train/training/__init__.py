"""The training loop, and the tasks that it trains: reading digits, finding them, and reading what is found."""
