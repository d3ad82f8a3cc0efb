"""`python -m fluffbuzz`: the same as the `fluffbuzz` command."""

from __future__ import annotations

from fluffbuzz.entry import main

if __name__ == "__main__":
    main()
