"""What all tests share: one thread, as the notebooks have."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
