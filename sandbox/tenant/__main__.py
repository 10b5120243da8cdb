"""`python -m sandbox.tenant --port 8081 --settings '{"latency": 0.08}'`."""

import argparse
import json

from .server import serve

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--settings", type=json.loads, default={})
    options = parser.parse_args()
    serve(options.port, options.settings)
