#!/usr/bin/env python
"""Django's command line."""

import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - say so before an import fails
    sys.exit("Registry Sync needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "integration.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    for stream in (sys.stdout, sys.stderr):  # a console may hold fewer characters than we write
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as fault:
        from integration.environment import other_faults

        others = other_faults() if sys.argv[1:2] == ["check"] else []
        sys.exit("\n".join([f"The settings cannot be used: {fault}", *others]))
