"""What every run is made of: its plan, its stages, its job file."""
