"""The training loop, and the two tasks that it trains: reading digits, and finding them."""
