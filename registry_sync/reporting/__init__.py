"""How a run is told: App Status, causes, redaction."""
