"""Tenure (常客): know, foresee, act, prove, over a customer's whole life."""

import os

# Threads that have nothing to do just now sleep. The libraries' own way, to spin until there is work, takes the processor
# from whoever works: on a busy machine small tables took up to forty times as long. They read this when they are loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # LightGBM, scikit-learn
os.environ.setdefault("OPENBLAS_THREAD_TIMEOUT", "4")  # NumPy, SciPy: the shortest there is

__version__ = "0.1.0"
