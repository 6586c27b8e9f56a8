"""Readers: one file per dialect over one fence-aware scanner."""
