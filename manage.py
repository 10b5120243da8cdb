#!/usr/bin/env python
"""Django's command line."""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 - say so before an import fails
    sys.exit("Registry Sync needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info))

if __name__ == "__main__":
    from integration.command_line import main

    main()
