"""Loading a function, imported first by every handler: nothing that is made meanwhile is garbage, so nobody looks.

A full collection takes a fifth of the time that everything of ours takes to load, and there is one or the other while
modules are imported and clients are made. `Process` turns the collector on again.
"""

import gc

gc.disable()
