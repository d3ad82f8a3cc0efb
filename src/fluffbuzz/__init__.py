"""FluffBuzz: language models on your own machine.

This file holds the version and nothing else: everything below it is imported only by whoever needs it, so that
`fluffbuzz --version` costs no more than Python itself.
"""

__version__ = "0.1.0"
