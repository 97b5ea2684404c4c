"""``python -m ssnbench``, which ``torchrun -m ssnbench`` needs."""

import sys

from ssnbench.cli import main

sys.exit(main())
