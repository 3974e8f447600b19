"""Which pages does the app have? One module a page, by where they stand in its menu."""
