"""Standalone training and scoring scripts: a copy of any one file runs without the others."""
