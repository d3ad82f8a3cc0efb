"""The state database: conversations and what is remembered of endpoints, in one SQLite file.

Nothing else in the house knows that it is SQLite; every trouble leaves here as a `StorageError`.
"""

from fluffbuzz.adapters.sqlite.catalog import SqliteCatalogStore
from fluffbuzz.adapters.sqlite.database import Database, open_database
from fluffbuzz.adapters.sqlite.sessions import SqliteSessionStore

__all__ = ["Database", "SqliteCatalogStore", "SqliteSessionStore", "open_database"]
