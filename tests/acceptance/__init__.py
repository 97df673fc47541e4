"""Statistical acceptance: what the sequential paired test promises, counted."""
