"""Scripts that developers run. The service imports nothing from here."""
