"""Customer features to the standardised matrix that the models see."""
