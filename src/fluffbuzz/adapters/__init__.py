"""The input and output behind the ports; every library's own errors end here."""
