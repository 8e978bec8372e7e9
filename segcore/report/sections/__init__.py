"""What each part of the report shows, from the files of a run."""
