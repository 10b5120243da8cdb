"""How the admin's lists write days and times: as the desk's own pages do, the zone with them."""

DATE_FORMAT = "j M Y"
DATETIME_FORMAT = r"j M Y H:i \U\T\C"
