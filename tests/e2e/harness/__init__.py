"""What the end-to-end tests stand on: processes that never outlive a test, recordings whose every
profile is checked, and readers of profiles that share no code with pprofd."""
