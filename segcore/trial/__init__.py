"""Treatments that can be tested: who is held out, how many it takes, and what the treatment changed."""
