"""What is measured, and of whom, as tables and plots name it."""

OURS, IN_FLIGHT = "Registry Sync", "Registry Sync, 4 in flight"
PLAIN, DLT, PAGES, START = "plain script", "dlt", "requests alone", "Django and the SDK"
FIRST, EDITED, READ = "first load", "1 % changed", "nothing changed, all read"
BOTH, NOTHING = "nothing changed, both sides read", "nothing changed"
