import os

import pyfiglet

DATA = os.path.join(os.path.dirname(__file__), "operators")
