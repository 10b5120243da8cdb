"""Connect a registry: from an address and a key to a green dry run, in eight steps.

How far one is follows from what exists (`facts.py`), so that one can leave and come back.
"""
