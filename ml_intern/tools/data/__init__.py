"""Datasets: look at one before anything is trained, and lay it out for training and scoring."""
