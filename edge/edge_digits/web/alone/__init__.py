"""What reads in the browser alone: modules that mirror those of the runner by name, one implementation each."""
