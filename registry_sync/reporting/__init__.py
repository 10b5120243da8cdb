"""How runs and causes are shown: App Status, the catalogue of causes, redaction."""
