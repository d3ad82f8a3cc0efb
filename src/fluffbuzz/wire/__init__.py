"""Pure codecs between bytes and core values, one file a dialect; nothing here performs anything."""
